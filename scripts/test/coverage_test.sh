#!/usr/bin/env bash
# Tests scripts/coverage.sh. Each test is a function that returns non-zero when it fails.
set -uo pipefail

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
coverage=$tests/../coverage.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source-path=SCRIPTDIR source=runner.sh
. "$tests/runner.sh"

fresh() {
  printf 'ok  \tgithub.com/tfkeep/tfkeep/saver\t1.2s\tcoverage: 80.5%% of statements\nok  \tgithub.com/tfkeep/tfkeep\t(cached)\tcoverage: 99.0%% of statements\n' >"$work/out"
  printf '# floors\nsaver 78\n. 97\n' >"$work/floors"
}

test_enough() { "$coverage" "$work/floors" "$work/out" | grep -q '2 packages, mean 89.8 %'; }

# refused TEXT: coverage.sh fails and says TEXT.
refused() {
  if "$coverage" "$work/floors" "$work/out" >"$work/said"; then return 1; fi
  grep -q "$1" "$work/said"
}

test_too_little() {
  sed -i 's/80.5/77.9/' "$work/out"
  refused 'saver has 77.9 %, less than its floor of 78 %'
}

test_no_floor() {
  sed -i '/saver/d' "$work/floors"
  refused 'saver has no floor'
}

test_no_floor_for_test_helpers() {
  printf 'ok  \tgithub.com/tfkeep/tfkeep/internal/test/oracle\t1.2s\tcoverage: 8.5%% of statements\n' >>"$work/out"
  "$coverage" "$work/floors" "$work/out" | grep -q '2 packages, mean 89.8 %' || return 1
  "$coverage" --write "$work/floors" "$work/out"
  ! grep -q internal/test "$work/floors"
}

test_nothing_measured() {
  : >"$work/out"
  refused 'no package was measured'
}

test_write() {
  "$coverage" --write "$work/floors" "$work/out" &&
    grep -qx 'saver 78' "$work/floors" && grep -qx '[.] 97' "$work/floors" &&
    "$coverage" "$work/floors" "$work/out"
}

run_tests "$@"
