#!/usr/bin/env bash
# Makes .venv with the Python TensorFlow that the tests compare with (pinned and
# hash-checked by scripts/requirements.txt). Does nothing when it is fresh, and
# nothing when TFKEEP_PYTHON names an interpreter that has TensorFlow.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
requirements=$root/scripts/requirements.txt
venv=${TFKEEP_VENV:-$root/.venv}
stamp=$venv/requirements.installed

say() { printf 'python: %s\n' "$*"; }
die() {
  printf 'python: %s\n' "$*" >&2
  exit 1
}

# suitable PYTHON: the versions that both tensorflow 2.21 and the pinned numpy have wheels for.
suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 python; do
    if command -v "$candidate" >/dev/null && suitable "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

if [[ -n ${TFKEEP_PYTHON:-} ]]; then
  version=$("$TFKEEP_PYTHON" -c 'from importlib.metadata import version as v
try: print(v("tensorflow-cpu"))
except Exception: print(v("tensorflow"))' 2>/dev/null) ||
    die "TFKEEP_PYTHON=$TFKEEP_PYTHON has no TensorFlow: install it there, or unset the variable and let this script make .venv"
  say "uses $TFKEEP_PYTHON (TensorFlow $version), as TFKEEP_PYTHON says"
  exit 0
fi

if cmp -s "$requirements" "$stamp"; then
  say "$venv is up to date"
  exit 0
fi

python=$(find_python) ||
  die "no Python 3.11, 3.12 or 3.13 on PATH: install one, or set TFKEEP_PYTHON to one that has TensorFlow"

if [[ ! -x $venv/bin/python ]]; then
  say "makes $venv with $("$python" --version 2>&1)"
  if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    rm -rf "$venv"
    die "$python cannot make a virtual environment: install its venv module (Debian: apt-get install python3-venv)"
  fi
fi

say "installs TensorFlow 2.21 and what it needs (about 300 MB, hash-checked)"
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
if ! "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps --require-hashes -r "$requirements" 2>"$errors"; then
  if grep -q 'DO NOT MATCH THE HASHES' "$errors"; then
    die "a download does not match its hash in $requirements: try again, and if it stays so don't trust the network or mirror it came through"
  elif grep -qiE 'connection|resolve|timed out|SSLError|network is unreachable|from versions: none' "$errors"; then
    die "PyPI cannot be reached: check the network (pip's proxy and certificates too), or set TFKEEP_PYTHON to a Python that has TensorFlow"
  fi
  die "pip failed: $(grep -m1 -i 'error' "$errors" || tail -n1 "$errors")"
fi
cp "$requirements" "$stamp"
say "$venv is ready"
