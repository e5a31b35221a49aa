#!/bin/sh
# usage: exported_names.sh LIBRARY HEADER...
# The shared library exports exactly what the headers declare with CNN_API, all of it under cnn_, and
# imports none of the calls that a guest does not make.
set -eu
library=$1
shift
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)
declared=$(cat "$@" | tr '\n' ' ' | sed 's|/\*\([^*]\|\*[^/]\)*\*/| |g' | grep -o 'CNN_API [^;{]*' |
  grep -o 'cnn_[a-z0-9_]* *(' | tr -d ' (' | sort -u)
failed=0
for name in $exported; do
  case $name in
  cnn_*) ;;
  *) echo "exported, but not under cnn_: $name"; failed=1 ;;
  esac
done
printf '%s\n' "$exported" > exported.txt
printf '%s\n' "$declared" > declared.txt
for name in $(comm -23 exported.txt declared.txt); do echo "exported, but not declared: $name"; failed=1; done
for name in $(comm -13 exported.txt declared.txt); do
  grep -q "cnn_[a-z0-9_]*_options_init\|$name" exported.txt && grep -qx "$name" exported.txt || { echo "declared, but not exported: $name"; failed=1; }
done
for name in $(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }'); do
  case $name in
  exit | _exit | abort | printf | vprintf | puts | putchar | perror | signal | sigaction | system | popen | rand | srand | \
    strtok | setlocale | chdir | gets | strcpy | strcat | sprintf | __assert_fail | __printf_chk)
    echo "imports $name"
    failed=1
    ;;
  esac
done
echo "$(wc -l < exported.txt) names exported"
exit $failed
