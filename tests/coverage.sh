#!/bin/sh
# usage: coverage.sh [SUITE ...]
# Lines and branches that the tests (unit, grad, golden, api, torture, which has the replay of hostile inputs; or the suites
# named) reach, in a build of its own (COVERAGE_BUILD, build-coverage here; about four minutes): a table of the core, then what
# no test reaches in the parsers; all of it is in coverage.json of that build. No line is left out of the count. Nothing is
# optimised, so that a branch of the source is one of the count; the kernels, which are not counted, are, and are not
# instrumented: they are most of the work. What a process does that is killed, or that a fork made, is not counted. Needs gcovr.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${COVERAGE_BUILD:-$root/build-coverage}
[ $# -gt 0 ] || set -- unit grad golden api torture
suites=
for suite in "$@"; do suites="$suites --suite $suite"; done

[ -f "$build/build.ninja" ] ||
  meson setup "$build" "$root" --buildtype=debug -Db_ndebug=true -Db_coverage=true -Dexamples=false \
    -Dc_args=-fprofile-update=atomic -Dtests=enabled > /dev/null
ninja -C "$build" build.ninja > /dev/null
sed -i '/^build lib\/kernels\//,/^$/{s/ --coverage//;s/ -fprofile-update=atomic//;s/ -O0 / -O2 /}' "$build/build.ninja"
find "$build" -name '*.gcda' -delete
# shellcheck disable=SC2086
meson test -C "$build" --timeout-multiplier 5 $suites > "$build/tests.txt" 2>&1 || tail -20 "$build/tests.txt"

cd "$build"
all=$build/coverage.json
gcovr --gcov-ignore-parse-errors --root "$root" --exclude-unreachable-branches --exclude-throw-branches --filter "$root/lib/" \
  --json "$all" . 2> /dev/null
report() { gcovr --root "$root" --add-tracefile "$all" "$@"; }
parsers=
for file in base/json_read base/json_string base/json_keys base/name_table base/number base/number_read base/decimal base/decimal_short base/settings \
  io/safetensors_read io/architecture io/extras io/training_read model/state_reader data/idx data/npy data/cifar \
  data/image_file data/png_read data/jpeg_read data/exif data/inflate; do
  parsers="$parsers --filter $root/lib/$file.c"
done
echo "== core (lib without the kernels' and the plots' folders)"
report --exclude "$root/lib/kernels/" --exclude "$root/lib/plot/" --print-summary | tail -4
# shellcheck disable=SC2086
{
  echo "== parsers: lines, then branches that no test takes"
  report $parsers --print-summary
  report --branches $parsers
}
