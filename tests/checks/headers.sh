#!/bin/sh
# usage: headers.sh INCLUDE_FOLDER COMPILER...
# Every public header compiles by itself, without a warning, as C99, C11, C17 and C++11, C++17.
set -eu
folder=$1
shift
count=0
for header in "$folder"/cnn/*.h; do
  for compiler in "$@"; do
    case $compiler in
    *++*) language=c++ standards="c++11 c++17" ;;
    *) language=c standards="c99 c11 c17" ;;
    esac
    command -v "$compiler" > /dev/null || continue
    for standard in $standards; do
      "$compiler" -x "$language" -std="$standard" -Wall -Wextra -pedantic -Wconversion -Werror -fsyntax-only -I"$folder" "$header"
      count=$((count + 1))
    done
  done
done
echo "$count compilations"
test "$count" -gt 0
