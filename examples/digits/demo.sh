#!/usr/bin/env bash
# A training that is killed, and goes on in another program. "make demo" builds the
# programs and runs this; the argument is the folder for the results.
set -euo pipefail

out=${1:-demo-out}
bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/bin

# quietly PROGRAM…: without what TensorFlow says at every start, before a program can ask it
# not to (that oneDNN is on), and what a shell says of a child that was killed.
quietly() {
  # shellcheck disable=SC2016 # for the inner shell to expand
  sh -c '"$@"; exit $?' sh "$@" 2> >(grep -v -e 'oneDNN custom operations are on' -e 'before absl::InitializeLog' -e Killed >&2)
}

# A folder of an earlier demo is used again; anything else that lies there is left alone.
rm -rf "$out/ckpt" "$out/frozen.pb" "$out/saved_model"
mkdir -p "$out"

echo "1. A program builds a network, trains it on handwritten digits, and is killed in the middle."
status=0
quietly "$bin/digits/train" -out "$out" -steps 3000 -save-every 250 -kill-at 1600 || status=$?
if [[ $status != 137 ]]; then
  echo "demo: train was to be killed (exit status 137), and ended with $status" >&2
  exit 1
fi

echo
echo "2. Another program, without the code that built the network, takes up the training."
quietly "$bin/digits/resume" -out "$out" -steps 3000 -save-every 250

echo
echo "3. A third one reads the test images with each of the files."
quietly "$bin/digits/predict" -out "$out"

cat <<TEXT

What lies in $out:
  ckpt/         the last five checkpoints, each with its meta graph
  frozen.pb     the trained model as one GraphDef, variables made constants
  saved_model/  the same for TensorFlow Serving: tag serve, signature serving_default
  Input x:0, float [?,64], pixels of 0 to 16; output y:0, float [?,10], a probability per class.

To look at it:
  bin/tfkeep ls $out/ckpt
  bin/tfkeep show $out/saved_model
  bin/tfkeep verify $out/ckpt
TEXT
