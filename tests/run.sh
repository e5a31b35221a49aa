#!/bin/sh
# usage: run.sh
# Builds (setting up where need be) and runs all tests of this machine.
set -eu
cd "$(dirname "$0")/.."
sh tests/packages.sh test
[ -f build/build.ninja ] || meson setup build
meson configure build -Dtests=enabled
meson test -C build --print-errorlogs
