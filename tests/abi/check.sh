#!/bin/sh
# usage: check.sh [--update]
# The exported functions and the types that they take against the stored baseline (tests/abi/*.abi), by libabigail: what is
# there stays; functions may be added, and structs that state their size may grow at their end (allowed.suppr).
# --update stores the present state as the baseline: before the first release, and with each release.
set -eu
cd "$(dirname "$0")/../.."
command -v abidiff > /dev/null && command -v abidw > /dev/null || { echo "skipped: abidiff (abigail-tools) is not there"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
meson setup "$work/build" --buildtype=debug -Ddefault_library=shared -Dtests=disabled -Dexamples=false > "$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
ninja -C "$work/build" --quiet
failed=0
for library in cnn cnn-plot; do
  shared=$(find "$work/build/lib" -name "lib$library.so")
  [ -n "$shared" ] || { echo "lib$library: not built here, left out"; continue; }
  baseline=tests/abi/lib$library.abi
  abidw --exported-interfaces-only --headers-dir include/cnn --drop-private-types --no-comp-dir-path --no-corpus-path \
    --no-show-locs --out-file "$work/raw.abi" "$shared"
  sed "s# path='[^']*/lib/# path='lib/#" "$work/raw.abi" > "$work/$library.abi" # wherever it was built
  if [ "${1:-}" = --update ]; then
    cp "$work/$library.abi" "$baseline"
    echo "$baseline: $(grep -c '<function-decl' "$baseline") functions"
  elif abidiff --no-added-syms --suppressions tests/abi/allowed.suppr "$baseline" "$work/$library.abi"; then
    echo "lib$library: as the baseline has it"
  else
    failed=1
  fi
done
exit $failed
