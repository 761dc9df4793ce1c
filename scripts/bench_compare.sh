#!/usr/bin/env bash
# bench_compare.sh BASE [PATTERN [COUNT]]: runs the Go benchmarks of this checkout and of the
# commit BASE in turns, so that other load on the machine affects both, and compares them with
# benchstat, or, without it, by the medians. The outputs stay in out/bench-base.txt and
# out/bench-head.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
base=${1:?name the commit to compare with: make bench-compare BASE=COMMIT} pattern=${2:-.} count=${3:-5}
packages=(./internal/crc32c ./internal/table ./graphdef ./graphdef/savergraph ./checkpoint ./freeze ./cmd/tfkeep/internal/command ./tf ./saver)
# shellcheck disable=SC1091
. .libtensorflow/env
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-3}

mkdir -p out
work=$(mktemp -d)
trap 'git worktree remove --force "$work/base"; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/base" "$base"
: >out/bench-base.txt
: >out/bench-head.txt
# BASE may lack a package or a benchmark of this checkout.
measure() { # measure DIR FILE
  (cd "$1" && go test -run '^$' -bench "$pattern" -benchmem "${packages[@]}" 2>/dev/null || true) >>"$2"
}
for _ in $(seq "$count"); do
  measure "$work/base" out/bench-base.txt
  measure . out/bench-head.txt
done

if command -v benchstat >/dev/null; then
  benchstat base=out/bench-base.txt head=out/bench-head.txt
  exit
fi
echo "benchstat is not installed; medians of $count runs:"
awk '
  /^Benchmark/ && $4 == "ns/op" { n[FILENAME, $1]++; v[FILENAME, $1, n[FILENAME, $1]] = $3; if (!($1 in seen)) { seen[$1]; names[++k] = $1 } }
  function median(file, name,   c, i, j, t) {
    c = n[file, name]
    for (i = 1; i <= c; i++) for (j = i + 1; j <= c; j++)
      if (v[file, name, j] < v[file, name, i]) { t = v[file, name, i]; v[file, name, i] = v[file, name, j]; v[file, name, j] = t }
    return c ? v[file, name, int((c + 1) / 2)] : 0
  }
  END {
    printf "%-50s %14s %14s %8s\n", "benchmark", "base ns/op", "head ns/op", "ratio"
    for (i = 1; i <= k; i++) {
      b = median(ARGV[1], names[i]); h = median(ARGV[2], names[i])
      printf "%-50s %14s %14s %8s\n", names[i], b ? b : "-", h ? h : "-", (b && h) ? sprintf("%.2f", h / b) : "-"
    }
  }' out/bench-base.txt out/bench-head.txt
