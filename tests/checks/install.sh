#!/bin/sh
# usage: install.sh
# Installs into a folder of its own, then builds and runs a program against it in every way that the README
# names: pkg-config, static, CMake, Meson subproject, C++.
set -eu
cd "$(dirname "$0")/../.."
root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step() { echo "install: $*"; }

step "meson install"
meson setup "$work/build" --prefix "$work/prefix" -Dtests=disabled -Dexamples=false -Dwerror=true > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
ninja -C "$work/build" --quiet
meson install -C "$work/build" --no-rebuild --quiet
libdir=$(dirname "$(find "$work/prefix" -name libcnn.so)") # Debian: lib/x86_64-linux-gnu
export PKG_CONFIG_PATH="$libdir/pkgconfig"
export LD_LIBRARY_PATH="$libdir"

cat > "$work/demo.c" << 'END'
#include <cnn/cnn.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  cnn_model *model = cnn_sequential(cnn_input(.shape = {8, 8, 3}), cnn_conv2d(.filters = 4, .kernel = {3}),
                                    cnn_flatten(), cnn_dense(.units = 2, .activation = CNN_SOFTMAX));
  char *text = cnn_model_summary_text(model);
  if (!text) {
    fprintf(stderr, "%s\n", cnn_last_error());
    return 1;
  }
  printf("libcnn %s on %s: %s", cnn_version_string(), cnn_cpu_isa(), strstr(text, "Total params"));
  cnn_text_free(text);
  cnn_model_free(model);
  return cnn_version() == CNN_VERSION ? 0 : 1;
}
END
cat > "$work/demo.cpp" << 'END'
#include <cnn/cnn.h>

int main() {
  cnn_dense_options dense;
  cnn_dense_options_init(&dense, sizeof dense);
  dense.units = 3;
  cnn_input_options input;
  cnn_input_options_init(&input, sizeof input);
  input.shape[0] = 5;
  cnn_layer *layers[] = {cnn_input_create(&input), cnn_dense_create(&dense)};
  cnn_model *model = cnn_sequential_create(layers, 2);
  bool right = model != nullptr && cnn_model_parameter_count(model) == 2;
  cnn_model_free(model);
  return right ? 0 : 1;
}
END

step "version of pkg-config, library and headers"
version=$(sed -n 's/^#define CNN_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\)$/\2/p' include/cnn/version.h | paste -sd.)
test "$(pkg-config --modversion cnn)" = "$version"

step "pkg-config, shared"
# shellcheck disable=SC2046 # words
cc -std=c99 -Wall -Wextra -pedantic -Werror "$work/demo.c" -o "$work/demo" $(pkg-config --cflags --libs cnn)
"$work/demo" | grep -q "libcnn $version on .*Total params"

step "pkg-config, static"
# shellcheck disable=SC2046 # words
cc "$work/demo.c" -o "$work/demo-static" $(pkg-config --cflags cnn) "$libdir/libcnn.a" $(pkg-config --static --libs-only-l cnn | sed 's/-lcnn//') -lm -lpthread
LD_LIBRARY_PATH='' "$work/demo-static" > /dev/null

step "C++"
# shellcheck disable=SC2046 # words
c++ -std=c++11 -Wall -Wextra -pedantic -Werror "$work/demo.cpp" -o "$work/demo-c++" $(pkg-config --cflags --libs cnn)
"$work/demo-c++"

step "CMake"
mkdir "$work/cmake"
cp "$work/demo.c" "$work/cmake"
cat > "$work/cmake/CMakeLists.txt" << 'END'
cmake_minimum_required(VERSION 3.13)
project(demo C)
find_package(cnn 0.1 REQUIRED)
add_executable(demo demo.c)
target_link_libraries(demo cnn::cnn)
END
cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$work/prefix" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cmake --build "$work/cmake/build" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/cmake/build/demo" > /dev/null

step "Meson subproject"
mkdir -p "$work/host/subprojects"
ln -s "$root" "$work/host/subprojects/libcnn"
cp "$work/demo.c" "$work/host"
cat > "$work/host/meson.build" << 'END'
project('host', 'c')
cnn = dependency('cnn', fallback: 'libcnn', default_options: ['tests=disabled', 'examples=false', 'plot=disabled'])
executable('demo', 'demo.c', dependencies: cnn)
END
PKG_CONFIG_PATH='' meson setup "$work/host/build" "$work/host" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
ninja -C "$work/host/build" --quiet
"$work/host/build/demo" > /dev/null

step "the installed examples' sources build alone"
for example in examples/quickstart.c examples/embed.c; do
  # shellcheck disable=SC2046 # words
  cc "$example" -o "$work/example" $(pkg-config --cflags --libs cnn) $(pkg-config --cflags --libs cnn-plot 2> /dev/null || true) -lpthread -lm
done
echo "install: 1 passed, 0 failed"
