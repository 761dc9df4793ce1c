# shellcheck shell=bash
# Runs the functions test_*, each after "fresh", which the tests' file has. Sourced.

# run_tests [PART]: those with PART in their names.
run_tests() {
  local name output passed=0 failed=0
  for name in $(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p'); do
    [[ $name == *"${1:-}"* ]] || continue
    fresh
    if output=$("$name" 2>&1); then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      printf 'FAIL %s\n%s\n' "$name" "$output"
    fi
  done
  echo "$passed passed, $failed failed"
  [[ $failed == 0 && $passed -gt 0 ]]
}
