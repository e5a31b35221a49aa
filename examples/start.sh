#!/bin/sh
# usage: start.sh [OPTION of cifar10_train ...]
# Sets up a fresh clone, builds, and trains the tutorial's classifier, augmented, with pictures.
set -eu
cd "$(dirname "$0")/.."
sh tests/packages.sh build
[ -f build/build.ninja ] || meson setup build > build-setup.log || { cat build-setup.log; exit 1; }
rm -f build-setup.log
ninja -C build --quiet
build/examples/cifar10_augment --output build/augmented.png
build/examples/cifar10_train --augment --plot build/history.png "$@"
echo "pictures: build/history.png (the curves), build/augmented.png (originals and what augmentation makes of them)"
