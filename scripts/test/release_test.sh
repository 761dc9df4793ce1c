#!/usr/bin/env bash
# Tests scripts/release.sh with stand-ins for go and nfpm. Each test is a function that
# returns non-zero when it fails.
set -uo pipefail

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck source-path=SCRIPTDIR source=runner.sh
. "$tests/runner.sh"
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
unset DIST PLATFORMS NFPM CYCLONEDX

# fresh: a repository with a change log of two versions, and the stand-ins.
fresh() {
  rm -rf "${tmp:?}"/{repo,bin}
  mkdir -p "$tmp/repo/scripts" "$tmp/bin"
  cp "$tests/../release.sh" "$tests/../nfpm.yaml" "$tmp/repo/scripts"
  cat >"$tmp/bin/go" <<'SH'
#!/bin/bash
case $1 in
  run)
    mkdir -p "$4" "$6"
    echo page >"$4/tfkeep.1"
    touch "$6/tfkeep.bash" "$6/tfkeep.fish" "$6/_tfkeep"
    ;;
  build)
    while [[ $1 != -o ]]; do shift; done
    echo "$GOOS $GOARCH" >"$2"
    ;;
esac
SH
  cat >"$tmp/bin/nfpm" <<'SH'
#!/bin/bash
cp "$3" "$7"
SH
  chmod +x "$tmp"/bin/*
  cd "$tmp/repo" || return
  printf '# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-01-02\n\nsecond\n\n## 0.1.0 - 2026-01-01\n\nfirst\n' >CHANGELOG.md
  touch LICENSE NOTICE README.md
  git init -q . && git add . && git commit -qm all
}

release() { PATH=$tmp/bin:$PATH scripts/release.sh "$@"; }

test_six_platforms() {
  release && [[ $(find dist -name '*.tar.gz' -o -name '*.zip' | wc -l) == 6 ]] &&
    tar -tzf dist/tfkeep_0.2.0_linux_arm64.tar.gz | grep -qx tfkeep_0.2.0/tfkeep &&
    tar -xOzf dist/tfkeep_0.2.0_linux_arm64.tar.gz tfkeep_0.2.0/tfkeep | grep -qx 'linux arm64' &&
    tar -tzf dist/tfkeep_0.2.0_darwin_arm64.tar.gz | grep -qx tfkeep_0.2.0/man/tfkeep.1
}

test_checksums_cover_everything() {
  PLATFORMS=linux/amd64 release && cd dist && sha256sum --quiet -c tfkeep_0.2.0_checksums.txt &&
    [[ $(wc -l <tfkeep_0.2.0_checksums.txt) == $(($(find . -type f | wc -l) - 1)) ]]
}

test_same_bytes_twice() {
  PLATFORMS=linux/amd64 DIST=one release && PLATFORMS=linux/amd64 DIST=two release && diff -r one two
}

test_notes_are_of_the_version() {
  PLATFORMS=linux/amd64 release && grep -qx second dist/tfkeep_0.2.0_notes.md && ! grep -q first dist/tfkeep_0.2.0_notes.md
}

test_version_of_the_tag() {
  git tag v0.1.0 && PLATFORMS=linux/amd64 release && grep -qx first dist/tfkeep_0.1.0_notes.md
}

test_tag_without_notes_is_refused() {
  git tag v0.9.0 && if release 2>said; then return 1; fi && grep -q 'CHANGELOG.md says nothing about 0.9.0' said
}

test_packages() {
  NFPM=$tmp/bin/nfpm PLATFORMS=linux/amd64 release && grep -qx 'version: "0.2.0"' dist/tfkeep_0.2.0_amd64.deb &&
    ! grep -q '@[A-Z]*@' dist/tfkeep_0.2.0_amd64.rpm
}

test_unknown_argument_is_refused() {
  if release --fast 2>said; then return 1; fi && grep -q 'unknown argument --fast' said
}

run_tests "$@"
