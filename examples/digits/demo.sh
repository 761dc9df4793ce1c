#!/usr/bin/env bash
# A training is killed and continues in another program. "make demo" builds the programs
# and runs this script; the argument is the folder for the results.
set -euo pipefail

out=${1:-demo-out}
bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/bin

# quietly PROGRAM…: run it without the messages that TensorFlow prints before a program can
# turn them off (that oneDNN is on), and without the shell's message about a killed child.
quietly() {
  # shellcheck disable=SC2016 # the inner shell expands it
  sh -c '"$@"; exit $?' sh "$@" 2> >(grep -v -e 'oneDNN custom operations are on' -e 'before absl::InitializeLog' -e Killed >&2)
}

# Remove the results of an earlier demo, and nothing else.
rm -rf "$out/ckpt" "$out/frozen.pb" "$out/saved_model"
mkdir -p "$out"

echo "1. A program builds a network, trains it on handwritten digits, and is killed halfway."
status=0
quietly "$bin/digits/train" -out "$out" -steps 3000 -save-every 250 -kill-at 1600 || status=$?
if [[ $status != 137 ]]; then
  echo "demo: train should have been killed (exit status 137), but ended with $status" >&2
  exit 1
fi

echo
echo "2. Another program, without the code that built the network, continues the training."
quietly "$bin/digits/resume" -out "$out" -steps 3000 -save-every 250

echo
echo "3. A third program classifies the test images with each of the files."
quietly "$bin/digits/predict" -out "$out"

cat <<TEXT

The files in $out:
  ckpt/         the five newest checkpoints, each with its meta graph
  frozen.pb     the trained model as one GraphDef with constants in place of variables
  saved_model/  the same model for TensorFlow Serving: tag serve, signature serving_default
  Input x:0, float [?,64], pixels from 0 to 16; output y:0, float [?,10], a probability per class.

To look at them:
  bin/tfkeep ls $out/ckpt
  bin/tfkeep show $out/saved_model
  bin/tfkeep verify $out/ckpt
TEXT
