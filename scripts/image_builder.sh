# shellcheck shell=bash
# What builds images and runs them on this machine: docker, podman or buildah. Sourced by
# image.sh and image_test.sh, which say what they are in $self.
: "${self:?}"

say() { printf '%s: %s\n' "$self" "$*"; }
die() {
  printf '%s: %s\n' "$self" "$*" >&2
  exit 1
}

# works BUILDER: it is installed, and for docker its daemon answers.
works() { command -v "$1" >/dev/null && "$1" info >/dev/null 2>&1; }

# find_builder sets $builder: what $BUILDER says, else the first that works.
find_builder() {
  local candidate
  for candidate in ${BUILDER:-docker podman buildah}; do
    if works "$candidate"; then
      builder=$candidate
      return
    fi
  done
  return 1
}

# storage is the folder in which the builder keeps images, if it is on this machine.
storage() {
  case $builder in
    docker) docker info --format '{{.DockerRootDir}}' ;;
    podman) podman info --format '{{.Store.GraphRoot}}' ;;
    buildah) buildah info --format '{{.store.GraphRoot}}' ;;
  esac 2>/dev/null
}

# cannot REASON: for a machine that cannot do it. image_test.sh has one of its own.
cannot() { die "$1"; }

# room_for FLAVOUR: how many GB its image takes on the way.
room_for() {
  case $1 in
    cpu) echo 6 ;;
    gpu) echo 30 ;;
    *) die "FLAVOUR=$1: it is cpu or gpu" ;;
  esac
}

# need_room FOLDER GB FOR: the disk has that much. A folder of another machine is not judged.
need_room() {
  local free
  [[ -d $1 ]] || return 0
  free=$(($(df --output=avail -B1000000 "$1" | tail -n1) / 1000))
  ((free >= $2)) || cannot "$1 has $free GB free, and $3 takes $2 GB on the way: make room, or let the builder keep its images elsewhere"
}

# build ARGUMENTS...: the builder's build. Docker's format of images, for the other one has no
# health check. Steps are kept for the next time, as docker and podman do by themselves.
build() {
  case $builder in
    docker) docker build "$@" ;;
    *) BUILDAH_LAYERS=${BUILDAH_LAYERS:-true} "$builder" build --format docker "$@" ;;
  esac
}

# import_folder FOLDER NAME: an image of a folder's files.
import_folder() {
  local container
  case $builder in
    docker) tar -C "$1" -c . | docker import --change 'CMD ["bash"]' - "$2" >/dev/null ;;
    podman) tar -C "$1" -c . | podman import --quiet --change 'CMD ["bash"]' - "$2" >/dev/null ;;
    buildah)
      container=$(buildah from scratch)
      buildah add --quiet "$container" "$1" / >/dev/null
      buildah config --cmd bash "$container"
      buildah commit --quiet --rm "$container" "$2" >/dev/null
      ;;
  esac
}

# config IMAGE TEMPLATE: of an image's configuration.
config() {
  case $builder in
    buildah) buildah inspect --type image --format "{{with .Docker.Config}}$2{{end}}" "$1" ;;
    *) "$builder" image inspect --format "{{with .Config}}$2{{end}}" "$1" ;;
  esac
}

# contain NAME IMAGE [--user U] [--env K=V] [--volume A:B] -- COMMAND...: runs a command in a new
# container of that name, which is removed in the end.
contain() {
  local name=$1 image=$2 options=() status=0
  shift 2
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  if [[ $builder != buildah ]]; then
    "$builder" run --rm --name "$name" "${options[@]}" --entrypoint "$1" "$image" "${@:2}"
    return
  fi
  buildah from --pull-never --name "$name" "$image" >/dev/null
  # Its own complaint about the command's status says nothing new.
  buildah run "${options[@]}" "$name" -- "$@" 2> >(grep -v -e '^subprocess exited' -e '^Error: exit status' >&2) || status=$?
  buildah rm "$name" >/dev/null
  return "$status"
}
