#!/bin/sh
# usage: packages.sh [build | test | ci]
# Installs the Debian packages for building and running (build), for testing too (test), or for all
# that CI does (ci). Says what is missing where it may not install.
set -eu
what=${1:-build}
packages="gcc libc6-dev meson ninja-build pkg-config libpng-dev libturbojpeg0-dev zlib1g-dev libcairo2-dev fonts-dejavu-core"
case $what in
build) ;;
test | ci) packages="$packages libcmocka-dev python3 g++ cmake make binutils abigail-tools" ;;
*) echo "usage: packages.sh [build | test | ci]" >&2; exit 2 ;;
esac
if [ "$what" = ci ]; then
  packages="$packages clang clang-format libclang-rt-14-dev valgrind strace qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
doxygen cppcheck libsimde-dev libcmocka-dev:arm64"
fi
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
sudo=
if [ "$(id -u)" != 0 ]; then
  sudo=sudo
  command -v sudo > /dev/null || { echo "please install:$missing" >&2; exit 1; }
fi
echo "installing:$missing"
case $missing in
*:arm64*) $sudo dpkg --add-architecture arm64 ;;
esac
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$sudo apt-get install -y -qq --no-install-recommends $missing > /dev/null
