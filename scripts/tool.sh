#!/usr/bin/env bash
# Builds a tool from the Go module proxy: scripts/tool.sh MODULE@VERSION FILE
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "builds $1"
# A module of its own, so that go.mod stays as it is.
(cd "$work" && GOBIN=$work GOFLAGS='' CGO_ENABLED=0 go install "$1")
mkdir -p "$(dirname "$2")"
mv "$work"/* "$2"
