#!/bin/sh
# usage: reproducible.sh [MESON'S OPTION ...]
# Builds the libraries twice, from two folders of different names, and compares what would be installed byte for byte.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in first another-one; do
  mkdir "$work/$folder"
  (cd "$root" && git archive HEAD) | tar -x -C "$work/$folder"
  meson setup "$work/$folder/build" "$work/$folder" --prefix /usr -Dtests=disabled -Dexamples=false \
    -Dc_args="-ffile-prefix-map=$work/$folder=." "$@" > /dev/null
  ninja -C "$work/$folder/build" --quiet
  DESTDIR=$work/$folder/installed meson install -C "$work/$folder/build" --no-rebuild > /dev/null
done
if diff -r "$work/first/installed" "$work/another-one/installed"; then
  (cd "$work/first/installed" && find . -type f -name 'libcnn*' -exec sha256sum {} +)
  echo "reproducible: $(find "$work/first/installed" -type f | wc -l) files, built twice, are the same"
else
  echo "reproducible: two builds differ"
  exit 1
fi
