#!/bin/sh
# usage: layout.sh
# clang-format's layout, Doxygen without a complaint, the static checkers that find true things, no call that is banned, and no
# file named that is not there.
set -eu
cd "$(dirname "$0")/../.."
failed=0

if command -v clang-format > /dev/null; then
  git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror || { echo "layout: run clang-format -i on the files above"; failed=1; }
fi

if command -v doxygen > /dev/null; then
  output=$(mktemp -d)
  (cat docs/Doxyfile; echo "OUTPUT_DIRECTORY=$output") | doxygen - > /dev/null 2> "$output/warnings" || failed=1
  if [ -s "$output/warnings" ]; then
    cat "$output/warnings"
    echo "layout: every public name has its comment"
    failed=1
  fi
  rm -rf "$output"
fi

if command -v cppcheck > /dev/null; then
  cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr -I include -I lib \
    --suppressions-list=tests/checks/cppcheck.txt lib/base lib/io lib/data lib/train lib/layers lib/model lib/tensor || failed=1
fi

banned='\b(exit|abort|printf|puts|putchar|perror|signal|system|popen|rand|srand|strtok|setlocale|gets|strcpy|strcat|sprintf|vsprintf|atoi|atol|atof|alloca)\('
if git grep -nE "$banned" -- lib | grep -vE '^[^:]*:[0-9]*: *(\*|/\*|//)|/\*.*\b(exit|abort|printf)\('; then
  echo "layout: the calls above are not used in lib/"
  failed=1
fi

if git grep -nIE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.build' '*.sh' ':!tests/checks/layout.sh'; then
  echo "layout: the tree holds what works"
  failed=1
fi

for path in $(git grep -hoE '\b(lib|tests|include|examples)/[A-Za-z0-9_/.-]+\.(c|h|py|sh)\b' -- docs README.md tests | sort -u); do
  [ -e "$path" ] || { echo "layout: $path is named, but not there"; failed=1; }
done
exit $failed
