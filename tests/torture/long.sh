#!/bin/sh
# usage: long.sh BUILD [kills | cycles | predictions ...]
# The long tiers of what the test suite runs in small: 200 kills, 10,000 cycles, 1,000,000 predictions. BUILD is a build folder.
# docs/reliability.md has the last results.
set -eu
build=${1:?usage: long.sh BUILD [kills | cycles | predictions ...]}
shift
[ $# -gt 0 ] || set -- kills cycles predictions
for name in "$@"; do
  case $name in
  kills) "$build/tests/torture/kills" --kills 200 --seed 2 ;;
  cycles) "$build/tests/torture/cycles" --cycles 10000 --predictions 0 ;;
  predictions) "$build/tests/torture/cycles" --cycles 0 --predictions 1000000 ;;
  *) echo "unknown: $name"; exit 2 ;;
  esac
done
