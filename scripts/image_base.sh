# shellcheck shell=bash
# The two images that Dockerfile.gpu starts from, made without any registry: Debian by
# debootstrap, and the same with this machine's Go and a C compiler. Sourced by image_test.sh.
: "${work:?}"

base_image=localhost/tfkeep-test/debian:bookworm
go_image=localhost/tfkeep-test/golang:bookworm

# make_base makes $base_image.
make_base() {
  say "makes a Debian base with debootstrap"
  timeout 900 debootstrap --variant=minbase bookworm "$work/debian" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$work/debootstrap.log" 2>&1 ||
    cannot "debootstrap failed: $(tail -n1 "$work/debootstrap.log")"
  rm -rf "$work"/debian/var/cache/apt/archives/*.deb "$work"/debian/var/lib/apt/lists/*
  import_folder "$work/debian" "$base_image"
  rm -rf "$work/debian"
}

# make_go_image makes $go_image. This machine's certificates go in, for its network may have
# one of its own; nothing of this image gets into the one that is tested.
make_go_image() {
  local name goroot certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
  say "adds this machine's Go and a C compiler"
  goroot=$(go env GOROOT)
  mkdir -p "$work/go/go"
  cp -r "$goroot"/{VERSION,bin,go.env,lib,pkg,src} "$work/go/go/"
  : >"$work/go/certificates"
  [[ ! -f $certificates ]] || cp "$certificates" "$work/go/certificates"
  {
    echo "FROM $base_image"
    echo "RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev"
    echo "COPY go /usr/local/go"
    echo "COPY certificates /tmp/certificates"
    echo "RUN if [ -s /tmp/certificates ]; then cp /tmp/certificates /etc/ssl/certs/ca-certificates.crt; fi"
    echo "ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin GOTOOLCHAIN=local"
    # Where this machine gets modules and wheels, the image gets them too.
    for name in GOPROXY GONOSUMDB GOSUMDB; do echo "ENV $name=\"$(go env $name)\""; done
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do [[ -z ${!name:-} ]] || echo "ENV $name=\"${!name}\""; done
  } >"$work/go/Dockerfile"
  build --tag "$go_image" "$work/go" >"$work/go.log" 2>&1 || cannot "the image with Go cannot be built: $(tail -n1 "$work/go.log")"
  rm -rf "$work/go"
}
