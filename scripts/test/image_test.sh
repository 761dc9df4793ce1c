#!/usr/bin/env bash
# Tests scripts/image.sh and what scripts/image_test.sh decides before it builds, with
# stand-ins for docker, podman and buildah. Each test is a function that returns non-zero
# when it fails.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset FLAVOUR IMAGE PACKAGE BASE_IMAGE GO_IMAGE BUILDER CONTAINERS_STORAGE_CONF

# fresh: nothing but a system's tools on the path, and no builder.
fresh() {
  local tool
  rm -rf "${tmp:?}"/{bin,called,images,var}
  mkdir "$tmp/bin" "$tmp/images" "$tmp/var"
  for tool in awk bash basename cat chmod cut dirname grep id ls mkdir mktemp rm sed sort tail timeout umount xargs; do
    ln -s "$(command -v "$tool")" "$tmp/bin/$tool"
  done
  free_mb 100000
}

# free_mb MB: how much room each disk has.
free_mb() { tool df "echo Avail; echo $1"; }

# builder NAME [STATUS OF info]: a stand-in that writes down how it was called. It keeps its
# images in a folder of this machine, and has no registry.
builder() {
  cat >"$tmp/bin/$1" <<TEXT
#!/bin/sh
case "\$1 \$*" in
  info*--format*) echo "$tmp/images" ;;
  info*) exit ${2:-0} ;;
  pull*) exit 1 ;;
  *) echo "$1 \$*" >>"$tmp/called" ;;
esac
TEXT
  chmod +x "$tmp/bin/$1"
}

# tool NAME TEXT: a stand-in that says something.
tool() {
  rm -f "$tmp/bin/$1"
  printf '#!/bin/sh\n%s\n' "$2" >"$tmp/bin/$1"
  chmod +x "$tmp/bin/$1"
}

run() { # SCRIPT ARGUMENTS...: what it says is in $out, its exit status in $status
  out=$(PATH=$tmp/bin TMPDIR=$tmp/var "$here/../$1" "${@:2}" 2>&1 </dev/null)
  status=$?
}

succeeds() { [[ $status == 0 ]] || problem "it failed: $out"; }
fails_with() {
  [[ $status != 0 ]] || problem "it succeeded: $out"
  [[ $(tail -n1 <<<"$out") == *"$1"* ]] || problem "the last line lacks \"$1\": $out"
}
says() { [[ $out == *"$1"* ]] || problem "it does not say \"$1\": $out"; }
called() { grep -qF -e "$1" "$tmp/called" || problem "it was not called with \"$1\": $(cat "$tmp/called")"; }
problem() {
  printf '    %s\n' "$1"
  return 1
}

# ---- image.sh -----------------------------------------------------------------------

test_the_first_builder_that_works() {
  builder docker 1 && builder podman && builder buildah
  run image.sh && succeeds && called "podman build --format docker" && called "--tag tfkeep:cpu" && called "FLAVOUR=cpu"
}

test_docker_has_its_own_format() {
  builder docker && builder podman
  run image.sh && succeeds && called "docker build --file"
}

test_the_builder_that_is_named() {
  builder docker && builder buildah
  BUILDER=buildah run image.sh && succeeds && called "buildah build --format docker"
}

test_choices_reach_the_builder() {
  builder docker
  FLAVOUR=gpu IMAGE=mine:1 PACKAGE=./cmd/mine BASE_IMAGE=b GO_IMAGE=g run image.sh --no-cache
  succeeds && called "--tag mine:1" && called "FLAVOUR=gpu" && called "PACKAGE=./cmd/mine" &&
    called "BASE_IMAGE=b" && called "GO_IMAGE=g" && called "--no-cache"
}

test_no_builder() {
  run image.sh
  fails_with "none of docker, podman and buildah works here: install one"
}

test_another_flavour() {
  builder docker
  FLAVOUR=rocm run image.sh
  fails_with "FLAVOUR=rocm: it is cpu or gpu"
}

test_too_little_room() {
  builder docker
  free_mb 5000
  run image.sh
  fails_with "$tmp/images has 5 GB free, and a cpu image takes 6 GB on the way" && [[ ! -e $tmp/called ]]
}

test_a_disk_of_another_machine_is_not_judged() {
  builder docker
  free_mb 5000
  rmdir "$tmp/images"
  run image.sh && succeeds && called "docker build"
}

test_help() {
  run image.sh --help && succeeds && says usage || return
  run image_test.sh --help && succeeds && says usage
}

# ---- image_test.sh ------------------------------------------------------------------

test_nobody_can_build() {
  tool id 'echo 1000'
  run image_test.sh
  fails_with "takes root" || return
  run image_test.sh --if-possible
  succeeds && says "THE IMAGE WAS NOT TESTED" && says "takes root"
}

test_another_system() {
  tool id 'echo 0'
  run image_test.sh
  fails_with "without apt-get"
}

test_packages_that_cannot_be_had() {
  tool id 'echo 0'
  tool dpkg-query 'exit 1'
  tool apt-get 'echo "E: Unable to locate package buildah" >&2; exit 100'
  run image_test.sh
  fails_with "cannot install buildah debootstrap debian-archive-keyring: E: Unable to locate package buildah" || return
  run image_test.sh --if-possible
  succeeds && says "THE IMAGE WAS NOT TESTED"
}

test_a_builder_that_does_not_work() {
  tool id 'echo 0'
  tool dpkg-query 'echo installed'
  tool apt-get 'exit 1'
  tool buildah 'echo "no namespaces here" >&2; exit 1'
  run image_test.sh
  fails_with "buildah does not work here: no namespaces here"
}

test_no_mirror() {
  tool id 'echo 0'
  tool dpkg-query 'echo installed'
  tool apt-get 'exit 1'
  builder buildah
  tool debootstrap 'echo "E: Failed getting release file"; exit 1'
  run image_test.sh
  fails_with "debootstrap failed: E: Failed getting release file"
}

test_nothing_is_left_behind() {
  test_no_mirror || return
  [[ $(ls "$tmp/var") == '' ]] || problem "it leaves $(ls "$tmp/var")"
}

test_a_builder_that_cannot_run_containers() {
  # shellcheck disable=SC2016 # for the stand-in to expand
  tool docker 'case "$1" in run) echo "no permission" >&2; exit 126;; info) [ "$2" != --format ] || echo /nowhere;; esac'
  run image_test.sh
  fails_with "docker cannot run a container here: no permission"
}

test_a_fault_of_the_image_is_never_passed_over() {
  # shellcheck disable=SC2016 # for the stand-in to expand
  tool docker 'case "$1" in build) echo "step 7 failed" >&2; exit 1;; info) [ "$2" != --format ] || echo /nowhere;; esac'
  run image_test.sh --if-possible
  [[ $status != 0 ]] || problem "it succeeded: $out" || return
  says "the image cannot be built" && says "step 7 failed"
}

test_wrong_arguments() {
  run image_test.sh --if-posible
  fails_with "unknown argument --if-posible" || return
  FLAVOUR=rocm run image_test.sh
  fails_with "FLAVOUR=rocm: it is cpu or gpu"
}

# shellcheck source-path=SCRIPTDIR source=runner.sh
source "$here/runner.sh"
run_tests "$@"
