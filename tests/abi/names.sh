#!/bin/sh
# usage: names.sh MAP LIBRARY HEADER...     the three agree
#        names.sh --node NODE MAP HEADER... a node for the next release
# A version script, the shared library that was linked with it and the headers name the same functions: each that is declared
# with CNN_API stands once in the map, by its name, and is exported in that node; nothing else is.
# --node prints a node for what the headers declare and no node of the map has.
set -eu
node=
[ "${1:-}" != --node ] || { node=${2:?}; shift 2; }
[ $# -ge 2 ] || { sed -n 2,6p "$0"; exit 2; }
map=$1
shift
library=
[ -n "$node" ] || { library=$1; shift; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strip_comments() { tr '\n' ' ' | sed 's|/\*\([^*]\|\*[^/]\)*\*/| |g'; }

# The map, a line for each name: its node, the name. "local" and what follows it is left out, whose only pattern is *.
strip_comments < "$map" | awk '{
  while (match($0, /[^ \t;{}:]+|[;{}:]/)) {
    word = substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH)
    if (word == "{") { node = last; visible = 0 }
    else if (word == "}") node = ""
    else if (word == ":") visible = last == "global"
    else if (word == ";" && node != "") { if (visible) print node, last; else if (last != "*") print node, "local:" last }
    if (word != ";" && word != ":") last = word
  }
}' | sort > "$work/map"
cut -d' ' -f2 "$work/map" | sort > "$work/mapped"
cat "$@" | strip_comments | grep -o 'CNN_API [^;{]*' | grep -o 'cnn_[a-z0-9_]* *(' | tr -d ' (' | sort -u > "$work/declared"

if [ -n "$node" ]; then
  previous=$(cut -d' ' -f1 "$work/map" | sort -u -V | tail -1)
  echo "$node {"
  echo "  global:"
  comm -13 "$work/mapped" "$work/declared" | sed 's/.*/    &;/'
  echo "}${previous:+ $previous};"
  exit 0
fi

failed=0
complain() { # COMPLAINT, names on standard input
  while read -r name; do
    echo "$1: $name"
    failed=1
  done
  return 0
}
nm -D --defined-only "$library" | awk '$2 != "A" { split($3, part, "@+"); print part[2], part[1] }' | sort > "$work/exported"
grep '[*?[]\|local:' "$work/mapped" > "$work/patterns" || :
uniq -d "$work/mapped" > "$work/twice"
comm -23 "$work/mapped" "$work/declared" > "$work/undeclared"
comm -13 "$work/mapped" "$work/declared" > "$work/unmapped"
comm -23 "$work/map" "$work/exported" > "$work/unexported"
comm -13 "$work/map" "$work/exported" > "$work/surplus"
complain "a pattern, where each name stands by itself" < "$work/patterns"
complain "in two nodes" < "$work/twice"
complain "in the map, but not declared with CNN_API" < "$work/undeclared"
complain "declared, but in no node of the map (sh tests/abi/names.sh --node NODE MAP HEADER...)" < "$work/unmapped"
complain "in the map, but not exported" < "$work/unexported"
complain "exported, but not in the map" < "$work/surplus"
echo "$(wc -l < "$work/map") names in $(cut -d' ' -f1 "$work/map" | sort -u | wc -l) node(s) of $(basename "$map")"
exit $failed
