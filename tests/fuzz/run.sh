#!/bin/sh
# usage: run.sh TARGET SECONDS [FUZZER'S OPTION ...]
# Fuzzes a target (model checkpoint network cifar idx npy png jpeg) with clang's libFuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer, and prints what it did: runs, features, the corpus. The build and the corpora stay in
# FUZZ_BUILD (build-fuzz here), so that a run goes on where the last one ended. What it finds is left there in
# found/TARGET/; once it is mended it belongs into tests/fuzz/found/TARGET/, where every test run replays it, as it does
# what tests/fuzz/corpus/TARGET/ has: a small part of what long runs kept.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${FUZZ_BUILD:-$root/build-fuzz}
[ $# -ge 2 ] || { sed -n 2,6p "$0"; exit 2; }
target=$1
seconds=$2
shift 2

# Kernels are checked, but their many unrolled blocks would drown what parsers do: no coverage of them.
[ -f "$build/build.ninja" ] ||
  CC=clang CFLAGS="-fsanitize=fuzzer-no-link -fsanitize-coverage-ignorelist=$root/tests/fuzz/uncovered.txt" \
    meson setup "$build" "$root" --buildtype=debug -Doptimization=1 -Db_ndebug=false -Db_lundef=false -Db_sanitize=address,undefined -Dfuzzers=true -Dexamples=false -Dplot=disabled -Dtests=enabled > /dev/null
ninja -C "$build" --quiet tests/fuzz/replay "tests/fuzz/fuzz_$target"

corpus=$build/corpus/$target
found=$build/found/$target
mkdir -p "$corpus" "$found"
[ -n "$(ls "$corpus")" ] || "$build/tests/fuzz/replay" seeds "$build/corpus" "$root/tests/golden/images" > /dev/null
mkdir -p "$root/tests/fuzz/found/$target" "$root/tests/fuzz/corpus/$target"

case $target in
  model | checkpoint) length=16384 dictionary=model ;;
  network | cifar) length=256 dictionary= ;;
  idx) length=2048 dictionary= ;;
  *) length=4096 dictionary=$target ;;
esac
[ -z "$dictionary" ] || dictionary=-dict=$root/tests/fuzz/dictionaries/$dictionary.dict

# A run takes 20 s at most, 1 GiB at most, and leaks nothing.
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" \
  -max_len=$length $dictionary -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$found/" "$@" \
  "$corpus" "$root/tests/fuzz/corpus/$target" "$root/tests/fuzz/found/$target"
