#!/bin/sh
# usage: names.sh LIBRARY NODE
# Prints a node for a version script: the names that LIBRARY exports under it, one a line.
set -eu
library=${1:?usage: names.sh LIBRARY NODE}
node=${2:?usage: names.sh LIBRARY NODE}
echo "$node {"
echo "  global:"
nm -D --defined-only "$library" | awk -v node="$node" '{ split($3, part, "@+"); if ($2 != "A" && part[2] == node) print "    " part[1] ";" }' | sort
echo "  local:"
echo "    *;"
echo "};"
