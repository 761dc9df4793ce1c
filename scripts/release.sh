#!/usr/bin/env bash
# Builds what a release consists of, into dist/. See usage below.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

usage() {
  cat <<'TEXT'
usage: scripts/release.sh

Builds tfkeep, the command line, for six platforms, and writes into dist/:

  tfkeep_VERSION_OS_ARCH.tar.gz    (.zip for Windows) static binary, manual pages, completions
  tfkeep_VERSION_ARCH.deb, .rpm    Debian and RPM packages, for amd64 and arm64
  tfkeep_VERSION_sbom.json         software bill of materials, CycloneDX
  tfkeep_VERSION_notes.md          the version's part of CHANGELOG.md
  tfkeep_VERSION_checksums.txt     SHA-256 of all of these

VERSION comes from the tag of the commit (v1.2.3). Without a tag it is the newest version
in CHANGELOG.md.

The environment:
  NFPM, CYCLONEDX    the tools' programs ("make release" builds them); empty leaves out the
                     packages or the bill of materials
  DIST               where to write, instead of dist/
  PLATFORMS          instead of all six, such as "linux/amd64"
TEXT
}

die() {
  printf 'release: %s\n' "$*" >&2
  exit 1
}

case ${1:-} in
  '') ;;
  -h | --help) usage && exit ;;
  *) die "unknown argument $1; see --help" ;;
esac

dist=${DIST:-dist}
platforms=${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64}

version() {
  local tag
  if tag=$(git describe --exact-match --tags --match 'v[0-9]*' 2>/dev/null); then
    grep -q "^## \[\?${tag#v}\]\?" CHANGELOG.md || die "CHANGELOG.md says nothing about ${tag#v}"
    echo "${tag#v}"
    return
  fi
  sed -n 's/^## \[\{0,1\}\([0-9][^] ]*\).*/\1/p' CHANGELOG.md | head -n1
}

# notes VERSION: its part of the change log.
notes() {
  awk -v version="$1" '
    /^## / { found = index($2, version) == 1 || index($2, "[" version "]") == 1; next }
    found' CHANGELOG.md
}

version=$(version)
[[ -n $version ]] || die "there is no tag and CHANGELOG.md has no version"
name=tfkeep_$version
# The same inputs give the same bytes.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

rm -rf "$dist"
mkdir -p "$dist"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "release: manual pages and completions"
CGO_ENABLED=0 go run ./cmd/tfkeep/internal/gendocs -man "$work/man" -completions "$work/completions"

# archive OS ARCH FOLDER
archive() {
  local folder=$3 file=${name}_$1_$2
  find "$folder" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
  if [[ $1 == windows ]]; then
    python3 - "$dist/$file.zip" "$folder" <<'PY'
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[2])
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for f in sorted(p for p in folder.rglob("*") if p.is_file()):
        z.write(f, pathlib.Path(folder.name) / f.relative_to(folder))
PY
    return
  fi
  tar --sort=name --owner=0 --group=0 --numeric-owner -C "$(dirname "$folder")" -cf - "$(basename "$folder")" |
    gzip -n >"$dist/$file.tar.gz"
}

# package ARCH BINARY
package() {
  local kind
  sed -e "s|@VERSION@|$version|; s|@ARCH@|$1|; s|@BINARY@|$2|; s|@WORK@|$work|" scripts/nfpm.yaml >"$work/nfpm.yaml"
  for kind in deb rpm; do
    "$NFPM" package --config "$work/nfpm.yaml" --packager "$kind" --target "$dist/${name}_$1.$kind" >/dev/null
  done
}

for platform in $platforms; do
  os=${platform%/*} arch=${platform#*/} extension=''
  [[ $os != windows ]] || extension=.exe
  folder=$work/$os-$arch/$name
  mkdir -p "$folder"
  echo "release: tfkeep for $platform"
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags "-s -w -X github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command.release=$version" \
    -o "$folder/tfkeep$extension" ./cmd/tfkeep
  cp LICENSE NOTICE README.md CHANGELOG.md "$folder"
  cp -r "$work/man" "$work/completions" "$folder"
  archive "$os" "$arch" "$folder"
  if [[ $os == linux && -n ${NFPM:-} ]]; then
    package "$arch" "$folder/tfkeep"
  fi
done

if [[ -n ${CYCLONEDX:-} ]]; then
  echo "release: bill of materials"
  CGO_ENABLED=0 "$CYCLONEDX" mod -licenses -json -output "$dist/${name}_sbom.json" >/dev/null 2>"$work/sbom.log" ||
    { cat "$work/sbom.log" >&2; die "the bill of materials could not be made"; }
fi

notes "$version" >"$dist/${name}_notes.md"
(cd "$dist" && sha256sum -- * >"$work/checksums" && mv "$work/checksums" "${name}_checksums.txt")
echo "release: $(find "$dist" -type f | wc -l) files of version $version are in $dist"
