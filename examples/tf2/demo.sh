#!/usr/bin/env bash
# Python exports a Keras model, Go trains it, is killed and resumes, and Python goes on.
# "make demo-tf2" builds the program and runs this script; the argument is the folder for the
# results.
set -euo pipefail

out=${1:-demo-tf2-out}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$here/../../bin/tf2
python=${TFKEEP_PYTHON:-$here/../../.venv/bin/python}
export TF_CPP_MIN_LOG_LEVEL=3

# quietly PROGRAM…: run it without the messages that TensorFlow prints before a program can
# turn them off, and without the shell's message about a killed child.
quietly() {
  # shellcheck disable=SC2016 # the inner shell expands it
  sh -c '"$@"; exit $?' sh "$@" 2> >(grep -v -e 'oneDNN custom operations are on' -e 'before absl::InitializeLog' -e Killed >&2)
}

# Remove the results of an earlier demo, and nothing else.
rm -rf "$out/ckpt" "$out/model"
mkdir -p "$out"

echo "1. Python builds a Keras model and exports it with its training step."
quietly "$python" "$here/model.py" export "$out/model/1"

echo
echo "2. A Go program trains it, and is killed halfway."
status=0
quietly "$bin" -out "$out" -kill-at 350 || status=$?
if [[ $status != 137 ]]; then
  echo "demo: the program should have been killed (exit status 137), but ended with $status" >&2
  exit 1
fi

echo
echo "3. The program starts again, resumes, and exports version 2."
quietly "$bin" -out "$out"

echo
echo "4. Python loads version 2 with all its objects, trains it on, and serves it."
quietly "$python" "$here/model.py" continue "$out/model/2"

cat <<TEXT

The files in $out:
  model/1   the model as Python exported it
  ckpt/     Go's checkpoints, with the keys of TensorFlow 2
  model/2   the model that Go trained, for Python, TensorFlow Serving and Go
TEXT
