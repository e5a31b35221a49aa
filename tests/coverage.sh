#!/bin/sh
# usage: coverage.sh [SUITE ...]
# Lines and branches that the tests (unit, grad, golden, api, torture; or the suites named) reach, in a build of its own
# (COVERAGE_BUILD, build-coverage here): a table of the core, then what no test reaches in the parsers. No line is left
# out of the count. Needs gcovr.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${COVERAGE_BUILD:-$root/build-coverage}
[ $# -gt 0 ] || set -- unit grad golden api torture
suites=
for suite in "$@"; do suites="$suites --suite $suite"; done

[ -f "$build/build.ninja" ] ||
  meson setup "$build" "$root" --buildtype=debug -Doptimization=1 -Db_ndebug=true -Db_coverage=true -Dexamples=false \
    -Dc_args=-fprofile-update=atomic -Dtests=enabled > /dev/null
ninja -C "$build" --quiet
find "$build" -name '*.gcda' -delete
# shellcheck disable=SC2086
meson test -C "$build" --no-rebuild --timeout-multiplier 5 $suites > "$build/tests.txt" 2>&1 || tail -20 "$build/tests.txt"

cd "$build"
report() { gcovr --gcov-ignore-parse-errors --root "$root" --exclude-unreachable-branches --exclude-throw-branches --filter "$root/lib/" "$@" . 2> /dev/null; }
parsers="--filter $root/lib/base/json_read.c --filter $root/lib/base/number.c --filter $root/lib/base/decimal.c
  --filter $root/lib/base/settings.c --filter $root/lib/io/safetensors_read.c --filter $root/lib/io/architecture.c
  --filter $root/lib/io/extras.c --filter $root/lib/io/training_read.c --filter $root/lib/model/state_reader.c
  --filter $root/lib/data/idx.c --filter $root/lib/data/npy.c --filter $root/lib/data/cifar.c
  --filter $root/lib/data/png_read.c --filter $root/lib/data/jpeg_read.c --filter $root/lib/data/exif.c
  --filter $root/lib/data/inflate.c"
echo "== core (lib without the kernels' and the plots' folders)"
report --exclude "$root/lib/kernels/" --exclude "$root/lib/plot/" --print-summary | tail -4
echo "== parsers: lines, then branches that no test takes"
# shellcheck disable=SC2086
gcovr --gcov-ignore-parse-errors --root "$root" --exclude-unreachable-branches --exclude-throw-branches $parsers . 2> /dev/null
# shellcheck disable=SC2086
gcovr --gcov-ignore-parse-errors --root "$root" --branches --exclude-unreachable-branches --exclude-throw-branches $parsers . 2> /dev/null
