# shellcheck shell=bash
# Small stand-ins for TensorFlow's wheel and tarball: a C library that knows its
# version and nothing else, so that the scripts' tests need no network and no gigabyte.
# Sourced by libtensorflow_test.sh, which sets the folder they are made in.
: "${tmp:?}"

# fake_libraries DIR VERSION: DIR/libtensorflow_cc.so.2, its framework and the headers.
fake_libraries() {
  mkdir -p "$1/include/tensorflow/c/eager"
  echo 'const char* TF_Version(void);' >"$1/include/tensorflow/c/c_api.h"
  echo '/* eager */' >"$1/include/tensorflow/c/eager/c_api.h"
  echo "const char* TF_Version(void) { return \"$2\"; }" >"$1/version.c"
  echo 'int tf_framework(void) { return 0; }' >"$1/framework.c"
  cc -shared -fPIC -Wl,-soname,libtensorflow_cc.so.2 "$1/version.c" -o "$1/libtensorflow_cc.so.2"
  cc -shared -fPIC -Wl,-soname,libtensorflow_framework.so.2 "$1/framework.c" -o "$1/libtensorflow_framework.so.2"
  echo 'notices' >"$1/THIRD_PARTY_NOTICES.txt"
  rm "$1/version.c" "$1/framework.c"
}

# fake_wheel FILE VERSION: a wheel that pip accepts.
fake_wheel() {
  local dir name
  dir=$(mktemp -d "$tmp/wheel.XXXXXX")
  name=$(basename "$1")
  fake_libraries "$dir/tensorflow" "$2"
  zip_wheel "$1" "$dir" "${name%%-*}"
}

# fake_nvidia_wheel FILE PACKAGE LIBRARY: one of NVIDIA's, with a library in its lib folder.
fake_nvidia_wheel() {
  local dir name
  dir=$(mktemp -d "$tmp/wheel.XXXXXX")
  name=$(basename "$1")
  mkdir -p "$dir/nvidia/$2/lib" "$dir/nvidia/$2/include"
  echo library >"$dir/nvidia/$2/lib/$3"
  echo header >"$dir/nvidia/$2/include/$2.h"
  zip_wheel "$1" "$dir" "${name%%-*}"
}

zip_wheel() { # FILE DIR NAME
  local version
  version=$(basename "$1" | cut -d- -f2)
  mkdir -p "$(dirname "$1")" "$2/$3-$version.dist-info"
  printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\n' "${3//_/-}" "$version" >"$2/$3-$version.dist-info/METADATA"
  printf 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n' >"$2/$3-$version.dist-info/WHEEL"
  : >"$2/$3-$version.dist-info/RECORD"
  python3 -c 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", sys.argv[2])' "$1" "$2"
  mv "$1.zip" "$1"
}

# fake_tarball FILE VERSION: as TensorFlow publishes libtensorflow.
fake_tarball() {
  local dir
  dir=$(mktemp -d "$tmp/tarball.XXXXXX")
  fake_libraries "$dir" "$2"
  mkdir "$dir/lib"
  mv "$dir/libtensorflow_cc.so.2" "$dir/lib/libtensorflow.so.2.0"
  cc -shared -fPIC -Wl,-soname,libtensorflow.so.2 -x c - -o "$dir/lib/libtensorflow.so.2.0" <<<"const char* TF_Version(void) { return \"$2\"; }"
  ln -s libtensorflow.so.2.0 "$dir/lib/libtensorflow.so.2"
  ln -s libtensorflow.so.2 "$dir/lib/libtensorflow.so"
  rm "$dir/libtensorflow_framework.so.2" "$dir/THIRD_PARTY_NOTICES.txt"
  echo licence >"$dir/LICENSE"
  tar -czf "$1" -C "$dir" .
}

# pin FILE WHEEL...: a requirements file with the wheels' hashes.
pin() {
  local file=$1 wheel name
  shift
  : >"$file"
  for wheel in "$@"; do
    name=$(basename "$wheel")
    printf '%s==%s --hash=sha256:%s\n' "$(cut -d- -f1 <<<"$name" | tr _ -)" "$(cut -d- -f2 <<<"$name")" "$(sha256sum <"$wheel" | cut -d' ' -f1)" >>"$file"
  done
}
