#!/usr/bin/env bash
# Builds the image of Dockerfile.gpu. See usage below; docs/gpu.md explains the image.
set -euo pipefail

self=image
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=image_builder.sh
. "$scripts/image_builder.sh"

usage() {
  cat <<'TEXT'
usage: scripts/image.sh [ARGUMENTS OF THE BUILDER...]

Builds Dockerfile.gpu with docker, podman or buildah, the first that works. It reads
  FLAVOUR     cpu (the default) or gpu
  IMAGE       its name (tfkeep:cpu, tfkeep:gpu)
  PACKAGE     the Go packages of this checkout to put in (./examples/digits/...)
  BASE_IMAGE  what the image is built on (debian:bookworm-slim)
  GO_IMAGE    what its programs are built in (golang:1.26-bookworm)
  BUILDER     docker, podman or buildah
TEXT
}

case ${1:-} in -h | --help)
  usage
  exit 0
  ;;
esac

flavour=${FLAVOUR:-cpu}
image=${IMAGE:-tfkeep:$flavour}
room=$(room_for "$flavour")

find_builder || die "none of docker, podman and buildah works here: install one (Debian: apt-get install buildah), or start docker's daemon"
need_room "$(storage)" "$room" "a $flavour image"

arguments=(--file "$scripts/../Dockerfile.gpu" --tag "$image" --build-arg "FLAVOUR=$flavour")
for name in PACKAGE BASE_IMAGE GO_IMAGE; do
  [[ -z ${!name:-} ]] || arguments+=(--build-arg "$name=${!name}")
done
say "builds $image with $builder"
build "${arguments[@]}" "$@" "$scripts/.."
say "$image is built; docs/gpu.md tells how to run it"
