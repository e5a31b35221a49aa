#!/bin/sh
# usage: hardening.sh [BUILD]
# A build with the flags that distributions harden with: no warning, the tests of what reads files pass, and the library
# has what the flags promise. BUILD: its folder (build-hardened).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build-hardened}
flags="-O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full"
[ -f "$build/build.ninja" ] ||
  CFLAGS=$flags LDFLAGS=-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code meson setup "$build" "$root" --buildtype=plain \
    -Db_pie=true -Dwerror=true -Dexamples=false -Dtests=enabled > "$build.log" || { cat "$build.log"; exit 1; }
rm -f "$build.log"
shared=$(ninja -C "$build" -t targets all | sed -n 's/^\(lib\/libcnn\.so\.[0-9.]*\): .*LINKER.*/\1/p')
ninja -C "$build" --quiet "$shared" tests/unit/io/io_safetensors tests/unit/io/io_model_file tests/unit/base/test_base_json \
  tests/fuzz/replay
library=$build/$shared

failed=0
expect() { # expect WHAT COMMAND...: the command succeeds
  what=$1
  shift
  "$@" > /dev/null 2>&1 || { echo "hardening: $what"; failed=1; }
}
has() { readelf -W "$1" "$library" | grep -q "$2"; }
lacks() { ! has "$@"; }
expect "no read-only relocations" has --segments GNU_RELRO
expect "symbols are bound late" has --dynamic 'BIND_NOW\|NOW'
expect "the stack may be executed" has --segments 'GNU_STACK.*RW '
expect "the text is written at loading" lacks --dynamic TEXTREL
expect "no stack protector" has --dyn-syms __stack_chk_fail
expect "no fortified call" has --dyn-syms '__[a-z]*_chk'
# Of an object: Debian's own start-up files lack the note, so that the linker drops the library's.
library=$(find "$build/lib/base" -name '*json_read.c.o' -print -quit)
expect "no control-flow protection" has --notes 'IBT.*SHSTK'
library=$build/$shared
for test in unit/io/io_safetensors unit/io/io_model_file unit/base/test_base_json; do
  expect "$test fails" "$build/tests/$test"
done
expect "the replay of hostile inputs fails" "$build/tests/fuzz/replay" run "$root/tests/golden/images" "$root/tests/fuzz/found" "$root/tests/fuzz/corpus"
[ $failed = 0 ] && echo "hardening: $library has what its flags promise"
exit $failed
