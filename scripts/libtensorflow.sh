#!/usr/bin/env bash
# Gets libtensorflow, the C library that the cgo packages link, and lays it out so
# that plain "go build" finds it. See usage below; docs/libtensorflow.md explains
# the layout.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/libtensorflow.sh [--cpu|--gpu] [--prefix DIR] [--from FILE|URL]

  --cpu            without CUDA (the default)
  --gpu            with CUDA: the tensorflow wheel and NVIDIA's, 3.4 GB to download
  --prefix DIR     where to put it (default: .libtensorflow in this checkout);
                   with /usr/local any Go program builds with plain "go build"
  --from FILE|URL  take it from a libtensorflow tarball or a TensorFlow wheel
                   instead of PyPI; "#sha256=HEX" at the end checks its hash

Without --prefix and --from, a library that is already there is used as it is: the
one in $LIBTENSORFLOW_PREFIX, else .libtensorflow, else the system's (pkg-config or
ldconfig). Without any, the pinned wheel comes through pip.

It leaves include/, lib/ with libtensorflow.so, lib/pkgconfig/tensorflow.pc, and in
the checkout .libtensorflow/env, which the Makefile reads; by hand:
  . .libtensorflow/env && go build ./...
TEXT
}

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=${TFKEEP_LIBTENSORFLOW_DIR:-$scripts/../.libtensorflow}
# The binding's C calls are all in 2.15; older libraries lack the layout of strings it expects.
oldest=2.15.0

# What cgo needs of the wheel's 21,000 headers.
headers=(
  tensorflow/c/c_api.h
  tensorflow/c/c_api_experimental.h
  tensorflow/c/c_api_macros.h
  tensorflow/c/eager/c_api.h
  tensorflow/c/tf_attrtype.h
  tensorflow/c/tf_buffer.h
  tensorflow/c/tf_datatype.h
  tensorflow/c/tf_status.h
  tensorflow/c/tf_tensor.h
  tensorflow/c/tf_tstring.h
  tensorflow/core/platform/ctstring.h
  tsl/platform/ctstring.h
  tsl/platform/ctstring_internal.h
  xla/tsl/c/tsl_status.h
)

say() { printf 'libtensorflow: %s\n' "$*"; }
die() {
  printf 'libtensorflow: %s\n' "$*" >&2
  exit 1
}
need() { command -v "$1" >/dev/null || die "$1 is not installed, and $2 (Debian: apt-get install $3)"; }

flavour=cpu prefix='' from=''
while (($#)); do
  case $1 in
    --cpu) flavour=cpu ;;
    --gpu) flavour=gpu ;;
    --prefix | --from)
      [[ -n ${2:-} ]] || die "$1 wants a value; --help tells"
      if [[ $1 == --prefix ]]; then prefix=$2; else from=$2; fi
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) die "unknown argument $1; --help tells" ;;
  esac
  shift
done

mkdir -p "$checkout" 2>/dev/null || die "cannot write to $checkout"
checkout=$(cd "$checkout" && pwd)
if [[ -n $prefix ]]; then
  mkdir -p "$prefix" 2>/dev/null || die "cannot write to $prefix"
  prefix=$(cd "$prefix" && pwd)
fi
target=${prefix:-$checkout}
pins=$scripts/libtensorflow-$flavour.txt
# The pins' own hash tells whether what lies in the prefix is what would be put there.
stamp=$target/share/libtensorflow/installed

# Beside the target and not in /tmp, which may be small: the CUDA libraries take 7 GB on the way.
work=$(mktemp -d "$target/.unfinished.XXXXXX" 2>/dev/null) || die "cannot write to $target"
trap 'rm -rf "$work"' EXIT

# ---- is one there already? ----------------------------------------------------

# probe CFLAGS LDFLAGS: compiles, links and runs a program that prints TF_Version, which
# is what cgo will do. The reason for a failure is left in $work/probe.log.
probe() {
  need cc "cgo and the check of the library compile C" gcc
  printf '#include <stdio.h>\n#include "tensorflow/c/c_api.h"\nint main(void) { puts(TF_Version()); return 0; }\n' >"$work/probe.c"
  # shellcheck disable=SC2086 # both are lists of flags
  cc $1 "$work/probe.c" $2 -ltensorflow -o "$work/probe" 2>"$work/probe.log" &&
    TF_CPP_MIN_LOG_LEVEL=3 "$work/probe" 2>>"$work/probe.log"
}

# new_enough VERSION
new_enough() { [[ $(printf '%s\n%s\n' "$oldest" "$1" | sort -V | head -n1) == "$oldest" ]]; }

# quoted TEXT: for a shell to read back.
quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# write_env CFLAGS LDFLAGS [LIBRARY_PATH]: which library this checkout builds with.
write_env() {
  {
    echo "# Written by scripts/libtensorflow.sh: the libtensorflow that this checkout builds with."
    echo "export CGO_CFLAGS=$(quoted "$1")"
    echo "export CGO_LDFLAGS=$(quoted "$2")"
    if [[ -n ${3:-} ]]; then
      echo "export LD_LIBRARY_PATH=$(quoted "$3")\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
    fi
  } >"$work/env"
  cmp -s "$work/env" "$checkout/env" || cp "$work/env" "$checkout/env"
}

flags_of() { # PREFIX -> sets cflags, ldflags, library_path
  local lib=$1/lib
  library_path=''
  if [[ -d $1/lib/libtensorflow-gpu ]]; then
    library_path=$lib/libtensorflow-gpu/nvidia/cusolver/lib
    ldflags="-L$lib -Wl,-rpath,$lib/libtensorflow-gpu/tensorflow"
  else
    ldflags="-L$lib -Wl,-rpath,$lib"
  fi
  cflags="-I$1/include"
}

use_prefix() {
  local version
  [[ -d $1 ]] || die "LIBTENSORFLOW_PREFIX=$1 is not a directory: name the one that has include/ and lib/, or unset it"
  flags_of "$1"
  version=$(probe "$cflags" "$ldflags") ||
    die "LIBTENSORFLOW_PREFIX=$1 does not build a C program ($(head -n1 "$work/probe.log")): name a prefix with include/tensorflow/c/c_api.h and lib/libtensorflow.so, or unset it"
  new_enough "$version" || die "LIBTENSORFLOW_PREFIX=$1 has libtensorflow $version, which is too old ($oldest or newer is needed): unset it to get 2.21.0"
  write_env "$cflags" "$ldflags" "$library_path"
  say "uses libtensorflow $version in $1, as LIBTENSORFLOW_PREFIX says"
}

# loader runs ldconfig, which may not be on the path of an ordinary user. Read all that it
# says: a pipe that is closed early would look like a failure.
loader() { ldconfig "$@" 2>/dev/null || /sbin/ldconfig "$@" 2>/dev/null; }

# use_system succeeds when the compiler finds a good libtensorflow by itself or through pkg-config.
use_system() {
  local version cflags='' ldflags='' how=ldconfig
  if command -v pkg-config >/dev/null && pkg-config --exists tensorflow; then
    how=pkg-config
    cflags=$(pkg-config --cflags tensorflow)
    ldflags=$(pkg-config --libs-only-L tensorflow)
    [[ -z $ldflags ]] || ldflags="$ldflags -Wl,-rpath,$(pkg-config --variable=libdir tensorflow)"
  elif ! grep -q 'libtensorflow\(_cc\)\?\.so' <<<"$(loader -p)"; then
    return 1
  fi
  if ! version=$(probe "$cflags" "$ldflags"); then
    say "the system's libtensorflow (by $how) does not build a C program; it is not used"
    return 1
  elif ! new_enough "$version"; then
    say "the system's libtensorflow (by $how) is $version, older than $oldest; it is not used"
    return 1
  fi
  write_env "$cflags" "$ldflags"
  say "uses the system's libtensorflow $version, found by $how"
}

# wanted: what the stamp says when there is nothing to do. 2 is the layout's version.
wanted() {
  if [[ -n $from ]]; then echo "2 from $from"; else echo "2 $flavour $(sha256sum <"$pins" | cut -c1-16)"; fi
}

if [[ -z $prefix && -z $from && -n ${LIBTENSORFLOW_PREFIX:-} ]]; then
  use_prefix "$LIBTENSORFLOW_PREFIX"
  exit 0
fi
need sha256sum "downloads are checked with it" coreutils
if [[ -e $target/lib/libtensorflow.so && $(head -n1 "$stamp" 2>/dev/null) == "$(wanted)" ]]; then
  flags_of "$target"
  [[ -n $prefix ]] || write_env "$cflags" "$ldflags" "$library_path"
  say "$(sed -n 2p "$stamp") is in $target already"
  exit 0
fi
if [[ -z $prefix && -z $from && $flavour == cpu ]] && use_system; then
  exit 0
fi

# ---- get the files --------------------------------------------------------------

need cc "cgo compiles C with it" gcc

find_pip() {
  local candidate
  for candidate in "${TFKEEP_PYTHON:-python3} -m pip" pip3 pip; do
    # shellcheck disable=SC2086 # a command and its arguments
    if $candidate --version >/dev/null 2>&1; then
      pip=$candidate
      return
    fi
  done
  die "pip is not installed, and the wheel comes through it (Debian: apt-get install python3-pip); or give a libtensorflow tarball with --from"
}

# download: the pinned wheels to $work/wheels. The libraries in them don't depend on
# the Python at hand, so one version's wheel is named, which keeps one hash per file.
download() {
  local platform
  platform="$(uname -s) $(uname -m)"
  [[ $platform == "Linux x86_64" ]] || die "the pinned wheels are for Linux x86_64, and this is $platform: give a libtensorflow tarball with --from"
  find_pip
  if [[ $flavour == cpu ]]; then
    say "downloads tensorflow-cpu 2.21.0 (274 MB, for libtensorflow) through pip"
  else
    say "downloads tensorflow 2.21.0 and NVIDIA's libraries (3.4 GB) through pip"
  fi
  # shellcheck disable=SC2086 # $pip is a command and its arguments
  if ! $pip download --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --implementation cp --python-version 3.11 --abi cp311 --abi none \
    --platform manylinux_2_27_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 \
    --platform manylinux2014_x86_64 --platform manylinux2010_x86_64 \
    -d "$work/wheels" -r "$pins" 2>"$work/pip.log"; then
    if grep -q 'DO NOT MATCH THE HASHES' "$work/pip.log"; then
      die "a download does not match its hash in $pins: try again, and if it stays so don't trust the network or mirror it came through"
    elif grep -qiE 'connection|resolve|timed out|SSLError|network is unreachable|from versions: none' "$work/pip.log"; then
      die "PyPI cannot be reached: check the network (pip's proxy and certificates too), or give a file with --from"
    fi
    die "pip failed: $(grep -m1 ERROR "$work/pip.log" || tail -n1 "$work/pip.log")"
  fi
}

# fetch_from: --from's file to $work/given, checked against the hash that it may carry.
fetch_from() {
  local source=${from%%#sha256=*} hash=''
  [[ $source == "$from" ]] || hash=${from##*#sha256=}
  case $source in
    http://* | https://* | file://*)
      say "downloads $source"
      if command -v curl >/dev/null; then
        curl --fail --location --progress-bar --output "$work/given" "$source" || die "$source cannot be downloaded: check the address and the network"
      elif command -v wget >/dev/null; then
        wget --quiet --show-progress --output-document="$work/given" "$source" || die "$source cannot be downloaded: check the address and the network"
      else
        die "neither curl nor wget is installed, and $source has to be downloaded (Debian: apt-get install curl)"
      fi
      given=$work/given
      ;;
    *)
      [[ -f $source ]] || die "there is no file $source"
      given=$source
      ;;
  esac
  if [[ -n $hash ]]; then
    echo "$hash  $given" | sha256sum --check --status 2>/dev/null ||
      die "$source has not the hash that was given (sha256 is $(sha256sum <"$given" | cut -d' ' -f1))"
  fi
}

# unpack_wheel WHEEL DIR PATTERN...: a wheel is a zip.
unpack_wheel() {
  local wheel=$1 dir=$2
  shift 2
  mkdir -p "$dir"
  if command -v unzip >/dev/null; then
    # 11: some pattern matched nothing, which check_laid_out will judge.
    unzip -q -o "$wheel" "$@" -d "$dir" 2>"$work/unzip.log" || [[ $? == 11 ]] ||
      die "$wheel cannot be unpacked: $(head -n1 "$work/unzip.log")"
    return
  fi
  command -v "${TFKEEP_PYTHON:-python3}" >/dev/null || die "neither unzip nor python3 is installed, and a wheel is a zip file (Debian: apt-get install unzip)"
  "${TFKEEP_PYTHON:-python3}" - "$wheel" "$dir" "$@" 2>"$work/unzip.log" <<'PY' || die "$wheel cannot be unpacked: $(tail -n1 "$work/unzip.log")"
import fnmatch, sys, zipfile
wheel, directory, *patterns = sys.argv[1:]
with zipfile.ZipFile(wheel) as z:
    z.extractall(directory, [n for n in z.namelist() if any(fnmatch.fnmatchcase(n, p) for p in patterns)])
PY
}

# unpack_tensorflow WHEEL: its two libraries, the headers and the licences.
unpack_tensorflow() {
  local patterns=('tensorflow/libtensorflow_cc.so.2' 'tensorflow/libtensorflow_framework.so.2' tensorflow/THIRD_PARTY_NOTICES.txt) header
  for header in "${headers[@]}"; do patterns+=("tensorflow/include/$header"); done
  unpack_wheel "$1" "$work/out" "${patterns[@]}"
}

# ---- lay them out under $work/tree, in the end moved to the target ------------------

tree=$work/tree

lay_out_wheel() {
  local libs=$1 header
  mkdir -p "$libs" "$tree/lib/pkgconfig" "$tree/share/libtensorflow"
  mv "$work/out/tensorflow/"*.so.2 "$libs/" 2>/dev/null || die "the wheel has no libtensorflow_cc.so.2: take one of tensorflow or tensorflow-cpu for Linux"
  for header in "${headers[@]}"; do
    if [[ -f $work/out/tensorflow/include/$header ]]; then
      install -D -m 644 "$work/out/tensorflow/include/$header" "$tree/include/$header"
    fi
  done
  cp "$work/out/tensorflow/THIRD_PARTY_NOTICES.txt" "$tree/share/libtensorflow/" 2>/dev/null || true
}

lay_out_tarball() {
  need tar "the file is a tarball" tar
  mkdir -p "$tree/share/libtensorflow"
  tar -xf "$given" -C "$tree" 2>"$work/tar.log" || die "$from cannot be unpacked as a wheel or a tarball: $(head -n1 "$work/tar.log")"
  [[ -e $tree/lib/libtensorflow.so && -e $tree/include/tensorflow/c/c_api.h ]] ||
    die "$from is no libtensorflow tarball: it lacks lib/libtensorflow.so or include/tensorflow/c/c_api.h"
  mkdir -p "$tree/lib/pkgconfig"
  if [[ -f $tree/LICENSE ]]; then mv "$tree/LICENSE" "$tree/share/libtensorflow/"; fi
  if [[ -f $tree/THIRD_PARTY_TF_C_LICENSES ]]; then mv "$tree/THIRD_PARTY_TF_C_LICENSES" "$tree/share/libtensorflow/"; fi
}

# stub LIBRARY: a library for the linker only, with LIBRARY's soname and C API and nothing in
# it. The real ones export a hundred megabytes of C++ names, over which ld takes seconds for
# every program and test that is linked.
stub() {
  local stub=$tree/lib/libtensorflow-link/${1##*/}
  mkdir -p "${stub%/*}"
  {
    echo .text
    nm -D --defined-only "$1" | sed -n 's/^[^ ]* T \(TFE\{0,1\}_[A-Za-z0-9_]*\).*/.globl \1\n.type \1,@function\n\1:/p'
    printf '.byte 0\n.section .note.GNU-stack,"",@progbits\n'
  } >"$work/stub.s"
  cc -shared -nostdlib -Wl,-soname,"${1##*/}" "$work/stub.s" -o "$stub"
}

# write_linker_script DIR: the binding links -ltensorflow, and the wheel has it in two files
# (DIR's), both of which a program uses itself. The comment is what ldconfig knows linker
# scripts by.
write_linker_script() {
  need nm "the linker's stubs are made with it" binutils
  if ! stub "$1/libtensorflow_cc.so.2" || ! stub "$1/libtensorflow_framework.so.2"; then
    die "the linker's stubs cannot be made of the libraries in the wheel"
  fi
  printf '/* GNU ld script */\nINPUT(libtensorflow-link/libtensorflow_cc.so.2 libtensorflow-link/libtensorflow_framework.so.2)\n' >"$tree/lib/libtensorflow.so"
}

write_pkgconfig() {
  cat >"$tree/lib/pkgconfig/tensorflow.pc" <<PC
prefix=\${pcfiledir}/../..
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: TensorFlow
Description: TensorFlow's C library
Version: $1
Libs: -L\${libdir} -ltensorflow
Cflags: -I\${includedir}
PC
}

if [[ -n $from ]]; then
  fetch_from
  if [[ ${from%%#*} == *.whl ]] || { [[ $(head -c2 "$given") == PK ]]; }; then
    unpack_tensorflow "$given"
    lay_out_wheel "$tree/lib"
    write_linker_script "$tree/lib"
  else
    lay_out_tarball
  fi
elif [[ $flavour == cpu ]]; then
  download
  for wheel in "$work"/wheels/tensorflow*.whl; do unpack_tensorflow "$wheel"; done
  lay_out_wheel "$tree/lib"
  write_linker_script "$tree/lib"
else
  download
  for wheel in "$work"/wheels/tensorflow*.whl; do unpack_tensorflow "$wheel"; done
  # The libraries find each other by $ORIGIN/../nvidia/*/lib, so the wheels' layout is kept.
  gpu=lib/libtensorflow-gpu
  lay_out_wheel "$tree/$gpu/tensorflow"
  write_linker_script "$tree/$gpu/tensorflow"
  for wheel in "$work"/wheels/nvidia*.whl; do
    unpack_wheel "$wheel" "$tree/$gpu" 'nvidia/*/lib/*.so*' 'nvidia/cuda_nvcc/bin/ptxas' 'nvidia/cuda_nvcc/nvvm/libdevice/*'
    rm -f "$wheel" # the disk need not hold them twice
  done
  # Never opened by TensorFlow, half a gigabyte together.
  rm -f "$tree/$gpu"/nvidia/*/lib/{libcusolverMg,libcufftw,libnvblas}.so* "$tree/$gpu"/nvidia/cuda_nvrtc/lib/*.alt.so*
  for dir in "$tree/$gpu"/nvidia/*/lib; do echo "$target/${dir#"$tree/"}"; done >"$tree/$gpu/ld.so.conf"
fi

# ---- put them in place --------------------------------------------------------------

# A run that ends half way leaves no stamp, so the next one starts again.
rm -f "$stamp"
write_pkgconfig unknown
(cd "$tree" && find . \( -type f -o -type l \) -print0) | while IFS= read -r -d '' file; do
  mkdir -p "$target/${file%/*}" && mv -f "$tree/$file" "$target/$file.partial" && mv -f "$target/$file.partial" "$target/$file"
done || die "cannot write to $target (is the disk full?)"

flags_of "$target"
version=$(probe "$cflags" "$ldflags") || die "what was laid out in $target does not build a C program: $(head -n1 "$work/probe.log")"
new_enough "$version" || die "$from is libtensorflow $version, which is too old: $oldest or newer is needed"
write_pkgconfig "$version" && mv -f "$tree/lib/pkgconfig/tensorflow.pc" "$target/lib/pkgconfig/tensorflow.pc"
mkdir -p "${stamp%/*}"
printf '%s\nlibtensorflow %s\n' "$(wanted)" "$version" >"$stamp"
[[ -n $prefix ]] || write_env "$cflags" "$ldflags" "$library_path"
say "libtensorflow $version ($(du -sh "$target/lib" | cut -f1)B) is in $target: headers, libraries, pkg-config file"

# ---- make the loader find them ------------------------------------------------------

# loader_searches DIR: whether ldconfig covers it.
loader_searches() {
  grep -q "^$1:" <<<"$(loader -v -N)"
}

if [[ -n $prefix ]] && loader_searches "$target/lib"; then
  if [[ -f $target/lib/libtensorflow-gpu/ld.so.conf && -w /etc/ld.so.conf.d ]]; then
    { echo "$target/lib/libtensorflow-gpu/tensorflow" && cat "$target/lib/libtensorflow-gpu/ld.so.conf"; } >/etc/ld.so.conf.d/libtensorflow.conf
  fi
  if loader; then
    say "any Go program builds now with plain \"go build\""
  else
    say "run \"ldconfig\" as root, so that programs find it; then any Go program builds with plain \"go build\""
  fi
elif [[ -n $prefix ]]; then
  say "to build with it: export CGO_CFLAGS=$(quoted "$cflags") CGO_LDFLAGS=$(quoted "$ldflags")"
  [[ -z $library_path ]] || say "to run with a GPU: export LD_LIBRARY_PATH=$(quoted "$library_path")"
fi
