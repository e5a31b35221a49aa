#!/bin/sh
# usage: matrix.sh [NAME ...]
# The tests in other builds: each name is one (all of them by default). Build folders: build-NAME.
#   clang      clang, warnings are errors
#   gcc        gcc in debug mode with asserts, warnings are errors
#   sanitize   the same with AddressSanitizer and UndefinedBehaviorSanitizer
#   minimal    without libpng, libturbojpeg, zlib and cairo
#   aarch64    cross-built; unit and kernel tests under qemu
#   abi        the exported types and names against the stored baseline
#   grown      today's programs on the library of tomorrow, whose structs have grown
#   install    installed, linked by pkg-config, CMake, as a subproject, from C++
#   layout     clang-format, Doxygen, static checks
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
passed=0
failed=0
failures=

# set_up NAME ARGUMENT...: a build folder, made once.
set_up() {
  name=$1
  shift
  [ -f "build-$name/build.ninja" ] || meson setup "build-$name" -Dwerror=true "$@" > "build-$name.log" 2>&1 ||
    { cat "build-$name.log"; return 1; }
  rm -f "build-$name.log"
  ninja -C "build-$name" --quiet
}

run_clang() { CC=clang set_up clang -Dtests=enabled && meson test -C build-clang --no-suite planted --print-errorlogs; }
run_gcc() { CC=gcc set_up gcc --buildtype=debugoptimized -Db_ndebug=false -Dtests=enabled && meson test -C build-gcc --print-errorlogs; }
run_sanitize() {
  CC=gcc set_up sanitize --buildtype=debugoptimized -Db_ndebug=false -Db_sanitize=address,undefined -Db_lundef=false \
    -Dtests=enabled &&
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
      meson test -C build-sanitize --no-suite planted --no-suite checks --print-errorlogs --timeout-multiplier 5
}
# What does not depend on the formats is tested by the others.
run_minimal() {
  CC=gcc set_up minimal -Dpng=disabled -Djpeg=disabled -Dzlib=disabled -Dplot=disabled -Dtests=enabled &&
    meson test -C build-minimal --suite unit --suite api --suite checks --print-errorlogs
}
# What does not depend on the processor (suite portable) is tested by the others.
run_aarch64() {
  set_up aarch64 --cross-file .ci/aarch64.cross -Dpng=disabled -Djpeg=disabled -Dzlib=disabled -Dplot=disabled -Dtests=enabled &&
    meson test -C build-aarch64 --suite unit --suite kernels --no-suite portable --print-errorlogs --timeout-multiplier 20
}
run_abi() { sh tests/abi/check.sh; }
# On what tests/run.sh has built, where it has.
run_grown() {
  programs=build
  [ -x build/tests/torture/test_resume ] || { programs=build-clang && CC=clang set_up clang -Dtests=enabled; } || return 1
  sh tests/abi/grown.sh "$programs"
}
run_install() { sh tests/checks/install.sh; }
run_layout() { sh tests/checks/layout.sh; }

[ $# -gt 0 ] || set -- clang gcc sanitize minimal aarch64 abi grown install layout
for name in "$@"; do
  echo "== $name"
  if "run_$name"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures="$failures $name"
  fi
  cd "$root"
done
[ -z "$failures" ] || echo "failed:$failures"
echo "builds: $passed passed, $failed failed"
[ "$failed" = 0 ]
