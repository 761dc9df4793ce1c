#!/usr/bin/env bash
# Builds the image of Dockerfile.gpu and tries it. See usage below.
set -euo pipefail

self="image-test"
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=image_builder.sh
. "$scripts/image_builder.sh"

usage() {
  cat <<'TEXT'
usage: scripts/image_test.sh [--if-possible]

Builds the image and tries it: trains in a container, kills it, resumes in another one, stops
that, resumes again, with the checkpoints in a folder outside; user, owners, health check. FLAVOUR=gpu also shows that
all of CUDA is found and only the driver is missing; no GPU is needed.

The bases come from the registry. Where there is none, debootstrap makes one; that takes
root on a system like Debian, where the packages that are missing get installed.

  --if-possible   where no image can be built, say why and succeed

It reads what scripts/image.sh reads. What it makes is removed in the end.
TEXT
}

if_possible=''
while (($#)); do
  case $1 in
    --if-possible) if_possible=1 ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) die "unknown argument $1; --help tells" ;;
  esac
  shift
done

# cannot REASON: for a machine that cannot build images, which is no fault of the image.
cannot() {
  [[ -n $if_possible ]] || die "$1"
  say "THE IMAGE WAS NOT TESTED: $1"
  exit 0
}

export FLAVOUR=${FLAVOUR:-cpu}
export IMAGE=${IMAGE:-localhost/tfkeep-test/tfkeep:$FLAVOUR}
room=$(room_for "$FLAVOUR")

# Not in /tmp unless told to: it may be in memory.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/tfkeep-image-test.XXXXXX")
mkdir "$work/tmp"
started=''
clean() {
  # What an error or a signal left running.
  [[ -z $started ]] || kill_container || true
  if [[ ${CONTAINERS_STORAGE_CONF:-} == "$work/storage.conf" ]]; then
    "$builder" rm --all >/dev/null 2>&1 || true
    awk -v under="$work/" 'index($2, under) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount 2>/dev/null || true
  elif [[ -n ${builder:-} ]]; then
    "$builder" rmi "$IMAGE" "$go_image" "$base_image" >/dev/null 2>&1 || true
  fi
  rm -rf "$work" 2>/dev/null || true
}
trap clean EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source-path=SCRIPTDIR source=image_base.sh
. "$scripts/image_base.sh"

# ---- a builder, and the images to start from ------------------------------------------

# base NAME: the image of that name that Dockerfile.gpu will use.
base() {
  local name=$1
  echo "${!name:-$(sed -n "s/^ARG $name=//p" "$scripts/../Dockerfile.gpu")}"
}

# pulled: the registry gives the bases that Dockerfile.gpu names.
pulled() {
  local name
  for name in BASE_IMAGE GO_IMAGE; do
    [[ -n ${!name:-} ]] || timeout 300 "$builder" pull --quiet "$(base "$name")" >/dev/null 2>&1 || return 1
  done
}

# install PACKAGE...: those that are missing, by apt.
install() {
  local package missing=()
  for package in "$@"; do
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installs ${missing[*]}"
  timeout 300 apt-get update -qq >/dev/null 2>&1 || true # a list that cannot be had may not be the one that matters
  DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$work/apt.log" 2>&1 ||
    cannot "apt-get cannot install ${missing[*]}: $(tail -n1 "$work/apt.log")"
}

# private_storage keeps the images of buildah or podman in $work, on the overlay file system
# where that can be.
private_storage() {
  local driver
  export CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_ISOLATION=chroot TMPDIR=$work/tmp
  export BUILDAH_LAYERS=false # there is no next time
  unset STORAGE_DRIVER
  for driver in overlay vfs; do
    printf '[storage]\ndriver = "%s"\ngraphroot = "%s/storage"\nrunroot = "%s/run"\n' "$driver" "$work" "$work" >"$work/storage.conf"
    if "$builder" info >/dev/null 2>"$work/info.log"; then return; fi
    rm -rf "$work/storage" "$work/run"
  done
  cannot "$builder does not work here: $(tail -n1 "$work/info.log")"
}

# must_run: what builds images may still not be allowed to run them.
must_run() {
  contain "tfkeep-image-test-$$" "$(base BASE_IMAGE)" -- true >"$work/run.log" 2>&1 ||
    cannot "$builder cannot run a container here: $(tail -n1 "$work/run.log")"
}

prepare() {
  if find_builder && pulled; then
    need_room "$(storage)" "$room" "a $FLAVOUR image"
    must_run
    return
  fi
  [[ $(id -u) == 0 ]] || cannot "neither docker nor podman nor buildah gets the base images here, and to make one by debootstrap takes root"
  command -v apt-get >/dev/null || cannot "neither docker nor podman nor buildah gets the base images here, and without apt-get there is no debootstrap either"
  need_room "$work" "$room" "a $FLAVOUR image"
  : "${builder:=buildah}"
  if [[ $builder == buildah ]]; then
    install buildah debootstrap debian-archive-keyring
  else
    install debootstrap debian-archive-keyring
  fi
  [[ $builder == docker ]] || private_storage
  make_base
  export BASE_IMAGE=$base_image
  must_run
  make_go_image
  export GO_IMAGE=$go_image
}

# ---- the tests ------------------------------------------------------------------------

fail() {
  printf 'image-test: FAILED: %s\n' "$1" >&2
  [[ -z ${2:-} ]] || sed 's/^/    /' "$2" >&2
  exit 1
}

# in_image [OPTIONS] -- COMMAND...: runs it in a new container with $data at /data; what it
# says goes to $out, and its status is that of the function.
out=$work/out
data=$work/data
in_image() {
  local status=0
  started=tfkeep-image-test-$$
  contain "$started" "$IMAGE" --volume "$data:/data" "$@" >"$out" 2>&1 || status=$?
  started=''
  return "$status"
}

# says TEXT WHAT: in what was said last.
says() { grep -qF -e "$1" "$out" || fail "$2: it does not say \"$1\"" "$out"; }

# start_training starts one and waits until it has saved twice since step $1.
start_training() {
  local waited=0 from=$1
  started=tfkeep-image-test-$$
  # What the image runs by default, but without an end.
  mapfile -t command < <(config "$IMAGE" '{{range .Cmd}}{{println .}}{{end}}' | sed '/^$/d')
  [[ ${command[*]} == "train -out /data" ]] || fail "the default command is: ${command[*]}"
  contain "$started" "$IMAGE" --volume "$data:/data" -- "${command[@]}" -steps 100000000 -save-every 50 >"$out" 2>&1 &
  until [[ -f $data/ckpt/checkpoint && $(newest_step) -ge $((from + 100)) ]]; do
    ((waited++ < 600)) || fail "train has not saved after a minute" "$out"
    kill -0 $! 2>/dev/null || fail "train has ended" "$out"
    sleep 0.1
  done
}

# A training is killed wherever it is.
train_and_be_killed() {
  start_training 0
  kill_container || fail "the training cannot be killed" "$out"
  if wait $!; then fail "the training was killed and ended well" "$out"; fi
  started=''
}

# A training is stopped as "docker stop" does it. It saves its last step.
train_and_be_stopped() {
  start_training "$(newest_step)"
  kill_container TERM || fail "the training cannot be stopped" "$out"
  wait $! || fail "the training was stopped and did not end well" "$out"
  started=''
  says "train: stopping at step $(newest_step); saved /data/ckpt/model-$(newest_step)" "train"
  [[ ! -e $data/ckpt/checkpoint.tfkeep-lock ]] || fail "the training left its lock file"
}

# kill_container [SIGNAL]: sends KILL or another signal to what runs in the container $started.
kill_container() {
  local pid signal=${1:-KILL}
  if [[ $builder != buildah ]]; then
    "$builder" kill --signal "$signal" "$started" >/dev/null
    return
  fi
  # As buildah runs it, it is a process of this machine; none but the training runs for long.
  pid=$(sed -n 's/^train (process \([0-9]*\)).*/\1/p' "$out")
  [[ $(readlink "/proc/$pid/exe") == */train ]] && kill -s "$signal" "$pid"
}

newest_step() { sed -n 's/^model_checkpoint_path: ".*model-\([0-9]*\)"$/\1/p' "$data/ckpt/checkpoint"; }

test_training_survives() {
  local step
  train_and_be_killed
  step=$(newest_step)
  in_image -- resume -out /data -steps $((step + 500)) || fail "resume" "$out"
  says "restored /data/ckpt/model-$step, continuing at step $step" "resume"
  says "step $((step + 500)), accuracy on the test images 9" "resume"
  in_image -- predict -out /data || fail "predict" "$out"
  in_image -- tfkeep verify /data/ckpt || fail "tfkeep verify" "$out"
  say "trained, was killed, resumed at step $step"
  train_and_be_stopped
  step=$(newest_step)
  in_image -- resume -out /data -steps $((step + 500)) || fail "resume" "$out"
  says "restored /data/ckpt/model-$step, continuing at step $step" "resume after the stop"
  say "trained on, was stopped, resumed at step $step"
}

# Outside, where there is no container.
test_checkpoint_is_read_outside() {
  (cd "$scripts/.." && CGO_ENABLED=0 go run ./cmd/tfkeep verify "$data/ckpt") >"$out" 2>&1 || fail "tfkeep outside" "$out"
  if [[ ! -x ${TFKEEP_PYTHON:=$scripts/../.venv/bin/python} ]]; then
    say "no Python TensorFlow (make setup): it does not read the checkpoint"
    return
  fi
  TF_CPP_MIN_LOG_LEVEL=3 "$TFKEEP_PYTHON" - "$data/ckpt" "$(newest_step)" >"$out" 2>&1 <<'PY' || fail "Python outside" "$out"
import sys, tensorflow.compat.v1 as tf
folder, step = sys.argv[1:]
# The state file names its checkpoints as they were called in the container.
path = f"{folder}/model-{step}"
with tf.Graph().as_default(), tf.Session() as session:
    tf.train.import_meta_graph(path + ".meta").restore(session, path)
    assert session.run(tf.get_collection("global_step")[0]) == int(step)
PY
  say "tfkeep and Python read the checkpoint outside"
}

test_user_and_owners() {
  local wrong
  in_image -- id -u && [[ $(cat "$out") == 65532 ]] || fail "the user is not 65532" "$out"
  in_image -- find /data -mindepth 1 ! -user 65532 && [[ ! -s $out ]] || fail "files of others in /data" "$out"
  if in_image -- touch /opt/tensorflow/x; then fail "the user can write outside of /data"; fi
  # Any other user will do, so that the files may be the caller's own.
  mkdir -m 777 "$work/other"
  contain "tfkeep-image-test-$$" "$IMAGE" --user 12345:12345 --volume "$work/other:/data" -- train -out /data -steps 20 >"$out" 2>&1 || fail "as another user" "$out"
  contain "tfkeep-image-test-$$" "$IMAGE" --user 0:0 --volume "$work/other:/data" -- sh -c 'stat -c %u /data/ckpt/checkpoint; rm -r /data/ckpt' >"$out" 2>&1
  [[ $(tail -n1 "$out") == 12345 ]] || fail "files of another user" "$out"
  # One that may not write there is told so.
  mkdir -m 755 "$work/locked"
  if contain "tfkeep-image-test-$$" "$IMAGE" --volume "$work/locked:/data" -- train -out /data -steps 20 >"$out" 2>&1; then fail "wrote to a folder of root's"; fi
  says "permission denied" "a folder of root's"
  # The driver is the machine's; one in the image would be of another version.
  in_image --user 0:0 -- find / -xdev \( -name 'libcuda.so*' -o -name 'libnvidia-ml.so*' \) || fail "find" "$out"
  wrong=$(cat "$out")
  [[ -z $wrong ]] || fail "there is a driver in the image: $wrong"
  say "runs as 65532 or as anybody else, and writes to its folder only"
}

# health [OPTIONS]: the image's own health check.
health() {
  local check
  check=$(config "$IMAGE" '{{index .Healthcheck.Test 1}}')
  in_image "$@" -- sh -c "$check"
}

test_health_of_the_cpu_image() {
  health || fail "the health check" "$out"
  says "built without CUDA" "the health check"
  if health --env TFKEEP_REQUIRE=gpu; then fail "healthy without the GPU that is required" "$out"; fi
  says "a GPU is required" "the health check"
  in_image -- tfkeep-run devices || fail "tfkeep-run devices" "$out"
  says "device:CPU:0" "tfkeep-run devices"
  say "healthy, and not where a GPU is required"
}

# shellcheck source-path=SCRIPTDIR source=image_test_gpu.sh
. "$scripts/image_test_gpu.sh"

# ---- all of it ------------------------------------------------------------------------

prepare
SECONDS=0
timeout 2400 "$scripts/image.sh" >"$work/build.log" 2>&1 || fail "the image cannot be built" "$work/build.log"
say "the image was built in $SECONDS s"
mkdir -m 777 "$data"
SECONDS=0
test_training_survives
test_checkpoint_is_read_outside
test_user_and_owners
if [[ $FLAVOUR == gpu ]]; then
  test_health_of_the_gpu_image
  test_cuda_is_found_up_to_the_driver
else
  test_health_of_the_cpu_image
fi
# What the container's user wrote is not always the caller's to remove.
in_image --user 0:0 -- find /data -mindepth 1 -delete || fail "removing what was written" "$out"
say "all is well with the $FLAVOUR image ($SECONDS s)"
