#!/usr/bin/env bash
# Holds the coverage that "go test -cover" printed against a floor for each package.
#
#   scripts/coverage.sh FLOORS OUTPUT...            fail where a package is under its floor
#   scripts/coverage.sh --write FLOORS OUTPUT...    make the floors: what was measured, less 2 points
#
# A package with statements and tests needs a floor. Raise floors; lower one only on purpose.
# The helpers of tests (internal/test) have none: other packages' tests use them.
set -euo pipefail

write=''
if [[ ${1:-} == --write ]]; then
  write=1
  shift
fi
floors=$1
shift

# "ok  github.com/tfkeep/tfkeep/saver  12.3s  coverage: 81.2% of statements"
measured() {
  sed -n 's|^ok[[:space:]]*github.com/tfkeep/tfkeep\([^[:space:]]*\)[[:space:]].*coverage: \([0-9.]*\)% of statements.*|\1 \2|p' "$@" |
    sed 's|^ |/. |; s|^/||; /^internal\/test\//d' | sort
}

if [[ -n $write ]]; then
  {
    echo '# The least coverage of each package by its own tests, in percent of statements.'
    measured "$@" | awk '{ floor = int($2 - 2); print $1, floor < 0 ? 0 : floor }'
  } >"$floors"
  exit
fi

measured "$@" | awk -v floors="$floors" '
  BEGIN { while ((getline line < floors) > 0) { split(line, f, " "); if (f[1] != "#") floor[f[1]] = f[2] } }
  { sum += $2; n++ }
  !($1 in floor) { printf "coverage: %s has no floor in %s: add one\n", $1, floors; bad = 1; next }
  $2 < floor[$1] { printf "coverage: %s has %s %%, less than its floor of %s %%\n", $1, $2, floor[$1]; bad = 1 }
  END {
    if (n == 0) { print "coverage: no package was measured"; exit 1 }
    if (!bad) printf "coverage: %d packages, mean %.1f %%, none under its floor\n", n, sum / n
    exit bad
  }'
