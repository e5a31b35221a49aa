#!/bin/sh
# usage: get_cifar10.sh [DIR]
# Downloads CIFAR-10's binary version (162 MB, Krizhevsky, 2009) into DIR (data by default), checks it and unpacks it:
# cifar10_train finds it in ./data, or by --data DIR. What is there already is not fetched again.
set -eu
folder=${1:-data}
archive=cifar-10-binary.tar.gz
address=https://www.cs.toronto.edu/~kriz/$archive
sum=c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd

right() { printf '%s  %s\n' "$sum" "$1" | sha256sum --check --status; }

mkdir -p "$folder"
if [ ! -f "$folder/$archive" ] || ! right "$folder/$archive"; then
  echo "fetching $address"
  if command -v curl > /dev/null; then
    curl --fail --location --output "$folder/$archive.part" "$address"
  elif command -v wget > /dev/null; then
    wget --output-document "$folder/$archive.part" "$address"
  else
    echo "get_cifar10.sh: curl or wget is needed: apt-get install curl" >&2
    exit 1
  fi
  if ! right "$folder/$archive.part"; then
    echo "get_cifar10.sh: $folder/$archive.part is not the archive: its SHA-256 differs from $sum" >&2
    exit 1
  fi
  mv "$folder/$archive.part" "$folder/$archive"
fi
tar -xzf "$folder/$archive" -C "$folder"
echo "$folder/cifar-10-batches-bin is ready: build/examples/cifar10_train --data $folder"
