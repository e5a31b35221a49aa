#!/bin/sh
# usage: grown.sh BUILD
# The library of tomorrow: a copy in which every struct that states its size has one member more. The test programs of BUILD, a
# build folder, compiled with today's headers, run on it.
set -eu
build=$(cd "${1:?usage: grown.sh BUILD}" && pwd)
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
cp -R include lib meson.build meson_options.txt "$work/tree"
mkdir "$work/tree/tests" "$work/tree/tests/kernels"
: > "$work/tree/tests/kernels/meson.build"
# Within "typedef struct x { size_t struct_size ... } x;" the last line gains a member before it.
for header in "$work"/tree/include/cnn/*.h; do
  awk '/size_t struct_size/ { inside = 1; count++ } inside && /^}/ { print "  int64_t later; /**< Of a later release. */"; inside = 0 } { print }
       END { print count + 0 > "/dev/stderr" }' "$header" > "$work/grown.h" 2>> "$work/counts"
  mv "$work/grown.h" "$header"
done
sed -i 's/#include <stddef.h>/#include <stddef.h>\n#include <stdint.h>/' "$work/tree/include/cnn/context.h"
meson setup "$work/build" "$work/tree" --buildtype=debug -Ddefault_library=shared -Dtests=disabled -Dexamples=false \
  > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
ninja -C "$work/build" --quiet
echo "structs that grew: $(awk '{ n += $1 } END { print n }' "$work/counts")"
LD_LIBRARY_PATH=$work/build/lib:$work/build/lib/plot
LD_PRELOAD=$work/build/lib/libcnn.so.0
CNN_TEST_IMAGES=$(pwd)/tests/golden/images
export LD_LIBRARY_PATH LD_PRELOAD CNN_TEST_IMAGES
for program in torture/test_resume torture/test_limits api/test_api_model; do
  [ -x "$build/tests/$program" ] || { echo "$program: not built"; exit 1; }
  "$build/tests/$program" > "$work/log" 2>&1 || { cat "$work/log"; echo "$program: fails on the library of tomorrow"; exit 1; }
  echo "$program: runs on it"
done
