#!/usr/bin/env bash
# Tests scripts/libtensorflow.sh and scripts/python.sh with small stand-ins, a real pip
# and no network. Each test is a function that returns non-zero when it fails.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck source-path=SCRIPTDIR source=fakes.sh
source "$here/fakes.sh"

# The machine's own choices must not reach the tests, nor theirs a registry.
unset LIBTENSORFLOW_PREFIX TFKEEP_PYTHON TFKEEP_VENV PKG_CONFIG_PATH
export PIP_NO_INDEX=1 PIP_FIND_LINKS=$tmp/wheels PIP_RETRIES=0 PIP_CONFIG_FILE=/dev/null PIP_NO_CACHE_DIR=1
export TFKEEP_LIBTENSORFLOW_DIR=$tmp/checkout/.libtensorflow

# ---- what every test starts from ------------------------------------------------

cpu_wheel=$tmp/wheels/tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl
gpu_wheel=$tmp/wheels/tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl
cusolver_wheel=$tmp/wheels/nvidia_cusolver_cu12-11.7.5.82-py3-none-manylinux_2_27_x86_64.whl
fake_wheel "$cpu_wheel" 2.21.0
fake_wheel "$gpu_wheel" 2.21.0
fake_nvidia_wheel "$cusolver_wheel" cusolver libcusolver.so.11
tarball=$tmp/libtensorflow.tar.gz
fake_tarball "$tarball" 2.18.1

# A stub before every test: no system library is to be found, whatever the machine has.
mkdir "$tmp/stubs"
printf '#!/bin/sh\nexit 1\n' >"$tmp/stubs/pkg-config"
printf '#!/bin/sh\nexit 0\n' >"$tmp/stubs/ldconfig"
chmod +x "$tmp/stubs/"*
export PATH=$tmp/stubs:$PATH

fresh() { # a copy of the scripts with the stand-ins' hashes, and nothing installed
  rm -rf "$tmp/checkout" "$tmp/prefix" "$tmp/venv" "$tmp/old"
  mkdir -p "$tmp/checkout"
  cp -r "$here/.." "$tmp/checkout/scripts"
  pin "$tmp/checkout/scripts/libtensorflow-cpu.txt" "$cpu_wheel"
  pin "$tmp/checkout/scripts/libtensorflow-gpu.txt" "$gpu_wheel" "$cusolver_wheel"
}

run() { # ARGUMENTS...: runs libtensorflow.sh; what it says is in $out, its exit status in $status
  out=$("$tmp/checkout/scripts/libtensorflow.sh" "$@" 2>&1 </dev/null)
  status=$?
}

# only TOOL...: a folder with links to these tools and no others.
only() {
  local dir tool
  dir=$(mktemp -d "$tmp/only.XXXXXX")
  for tool in bash env dirname mkdir mktemp rm cp mv ls sort head tail cut sed grep cmp uname find du install chmod cat tr "$@"; do
    ln -s "$(command -v "$tool")" "$dir/$tool"
  done
  echo "$dir"
}

succeeds() { [[ $status == 0 ]] || problem "it failed: $out"; }
fails_with() { # TEXT: in one line on its own, the last
  [[ $status != 0 ]] || problem "it succeeded: $out"
  [[ $(tail -n1 <<<"$out") == libtensorflow:*"$1"* ]] || problem "the last line lacks \"$1\": $out"
}
says() { [[ $out == *"$1"* ]] || problem "it does not say \"$1\": $out"; }
exists() { [[ -e $1 ]] || problem "there is no $1"; }
missing() { [[ ! -e $1 ]] || problem "there is a $1"; }
problem() {
  printf '    %s\n' "$1"
  return 1
}

builds() { # the flags in .libtensorflow/env build and run a program
  (
    # shellcheck source=/dev/null
    . "$TFKEEP_LIBTENSORFLOW_DIR/env"
    printf '#include <stdio.h>\n#include "tensorflow/c/c_api.h"\nint main(void) { puts(TF_Version()); return 0; }\n' >"$tmp/p.c"
    # shellcheck disable=SC2086 # lists of flags
    cc $CGO_CFLAGS "$tmp/p.c" $CGO_LDFLAGS -ltensorflow -o "$tmp/p" && [[ $("$tmp/p") == "$1" ]]
  ) || problem "a program with the flags of env does not print $1"
}

# ---- libtensorflow.sh ---------------------------------------------------------------

test_wheel_through_pip_into_the_checkout() {
  run && succeeds || return
  local lib=$TFKEEP_LIBTENSORFLOW_DIR/lib
  exists "$lib/libtensorflow_cc.so.2" && exists "$lib/libtensorflow_framework.so.2" &&
    exists "$lib/libtensorflow.so" && exists "$lib/pkgconfig/tensorflow.pc" &&
    exists "$TFKEEP_LIBTENSORFLOW_DIR/include/tensorflow/c/eager/c_api.h" || return
  nm -D --defined-only "$lib/libtensorflow-link/libtensorflow_cc.so.2" | grep -q ' T TF_Version$' || problem "the stub lacks TF_Version" || return
  grep -q '^Version: 2.21.0$' "$lib/pkgconfig/tensorflow.pc" || problem "pkg-config file: $(cat "$lib/pkgconfig/tensorflow.pc")" || return
  [[ $(find "$TFKEEP_LIBTENSORFLOW_DIR" -name '.unfinished*') == '' ]] || problem "it leaves its work folder" || return
  builds 2.21.0
}

test_second_time_does_nothing() {
  run && succeeds || return
  local before
  before=$(find "$TFKEEP_LIBTENSORFLOW_DIR" -printf '%p %T@ %i\n' | grep -v '^[^ ]*/.libtensorflow ' | sort)
  PIP_FIND_LINKS=/nonexistent run && succeeds && says already || return
  [[ $(find "$TFKEEP_LIBTENSORFLOW_DIR" -printf '%p %T@ %i\n' | grep -v '^[^ ]*/.libtensorflow ' | sort) == "$before" ]] || problem "it changed files"
}

test_changed_pins_install_again() {
  run && succeeds || return
  echo "# another" >>"$tmp/checkout/scripts/libtensorflow-cpu.txt"
  run && succeeds && says downloads
}

test_python_unpacks_where_there_is_no_unzip() {
  # The interpreter's own folder, for a python3 on PATH may be a version manager's script.
  PATH=$tmp/stubs:$(dirname "$(python3 -c 'import sys; print(sys.executable)')"):$(only cc ld as nm sha256sum) run
  succeeds && exists "$TFKEEP_LIBTENSORFLOW_DIR/lib/libtensorflow_cc.so.2"
}

test_prefix_has_its_own_flags_in_the_message() {
  run --prefix "$tmp/prefix" && succeeds && says "CGO_LDFLAGS='-L$tmp/prefix/lib" &&
    exists "$tmp/prefix/lib/libtensorflow.so" && missing "$TFKEEP_LIBTENSORFLOW_DIR/env" &&
    run --prefix "$tmp/prefix" && succeeds && says already
}

test_prefix_that_the_loader_searches() {
  # More than a pipe holds, as on a real system: a reader that stops early must not matter.
  printf '#!/bin/sh\necho "%s: (from /etc/ld.so.conf)"\nseq 40000\n' "$tmp/prefix/lib" >"$tmp/stubs/ldconfig"
  run --prefix "$tmp/prefix"
  printf '#!/bin/sh\nexit 0\n' >"$tmp/stubs/ldconfig"
  succeeds && says 'plain "go build"'
}

test_folder_with_a_quote_in_its_name() {
  TFKEEP_LIBTENSORFLOW_DIR="$tmp/checkout/it's" run && succeeds || return
  # shellcheck source=/dev/null
  (. "$tmp/checkout/it's/env" && [[ $CGO_CFLAGS == "-I$tmp/checkout/it's/include" ]]) || problem "env does not read back"
}

test_tarball() {
  run --from "$tarball" && succeeds && builds 2.18.1 && exists "$TFKEEP_LIBTENSORFLOW_DIR/share/libtensorflow/LICENSE" &&
    run --from "$tarball" && succeeds && says already
}

test_tarball_by_address_with_its_hash() {
  command -v curl >/dev/null || command -v wget >/dev/null || problem "neither curl nor wget" || return
  run --from "file://$tarball#sha256=$(sha256sum <"$tarball" | cut -d' ' -f1)" && succeeds && builds 2.18.1
}

test_wheel_from_a_file() { run --from "$cpu_wheel" && succeeds && builds 2.21.0; }

test_gpu_layout() {
  run --gpu && succeeds && builds 2.21.0 || return
  local gpu=$TFKEEP_LIBTENSORFLOW_DIR/lib/libtensorflow-gpu
  exists "$gpu/tensorflow/libtensorflow_cc.so.2" && exists "$gpu/nvidia/cusolver/lib/libcusolver.so.11" && missing "$gpu/nvidia/cusolver/include" || return
  grep -qx "$gpu/nvidia/cusolver/lib" "$gpu/ld.so.conf" || problem "ld.so.conf: $(cat "$gpu/ld.so.conf")" || return
  grep -q 'export LD_LIBRARY_PATH=.*cusolver/lib' "$TFKEEP_LIBTENSORFLOW_DIR/env" || problem "env: $(cat "$TFKEEP_LIBTENSORFLOW_DIR/env")"
}

test_library_of_the_environment_is_used() {
  run --prefix "$tmp/prefix" && succeeds || return
  LIBTENSORFLOW_PREFIX=$tmp/prefix run && succeeds && says "uses libtensorflow 2.21.0" && builds 2.21.0 &&
    missing "$TFKEEP_LIBTENSORFLOW_DIR/lib"
}

test_library_of_the_system_is_used() {
  run --prefix "$tmp/prefix" && succeeds || return
  # shellcheck disable=SC2016 # for the stub to expand
  printf '#!/bin/sh\ncase $1 in --cflags) echo -I%s/include;; --libs-only-L) echo -L%s/lib;; --variable=libdir) echo %s/lib;; esac\n' \
    "$tmp/prefix" "$tmp/prefix" "$tmp/prefix" >"$tmp/stubs/pkg-config"
  run
  printf '#!/bin/sh\nexit 1\n' >"$tmp/stubs/pkg-config"
  succeeds && says "uses the system's libtensorflow 2.21.0" && builds 2.21.0 && missing "$TFKEEP_LIBTENSORFLOW_DIR/lib"
}

test_old_library_of_the_system_is_passed_over() {
  run --prefix "$tmp/prefix" && succeeds || return
  fake_libraries "$tmp/old" 2.4.1 && cp "$tmp/old/"*.so.2 "$tmp/prefix/lib/"
  # shellcheck disable=SC2016
  printf '#!/bin/sh\ncase $1 in --cflags) echo -I%s/include;; --libs-only-L) echo -L%s/lib;; --variable=libdir) echo %s/lib;; esac\n' \
    "$tmp/prefix" "$tmp/prefix" "$tmp/prefix" >"$tmp/stubs/pkg-config"
  run
  printf '#!/bin/sh\nexit 1\n' >"$tmp/stubs/pkg-config"
  succeeds && says "2.4.1, older than" && exists "$TFKEEP_LIBTENSORFLOW_DIR/lib/libtensorflow.so"
}

test_old_library_of_the_environment_is_refused() {
  run --prefix "$tmp/prefix" && succeeds || return
  fake_libraries "$tmp/old" 2.4.1 && cp "$tmp/old/"*.so.2 "$tmp/prefix/lib/"
  LIBTENSORFLOW_PREFIX=$tmp/prefix run
  fails_with "2.4.1, which is too old"
}

test_environment_without_a_library_is_refused() {
  mkdir -p "$tmp/prefix"
  LIBTENSORFLOW_PREFIX=$tmp/prefix run
  fails_with "does not build a C program" || return
  LIBTENSORFLOW_PREFIX=$tmp/nowhere run
  fails_with "is not a directory"
}

test_old_tarball_is_refused() {
  fake_tarball "$tmp/old.tar.gz" 2.4.1
  run --from "$tmp/old.tar.gz"
  fails_with "2.4.1, which is too old" && missing "$TFKEEP_LIBTENSORFLOW_DIR/share/libtensorflow/installed"
}

test_wrong_hash_of_a_wheel() {
  sed -i 's/sha256:....../sha256:000000/' "$tmp/checkout/scripts/libtensorflow-cpu.txt"
  run
  fails_with "does not match its hash" && missing "$TFKEEP_LIBTENSORFLOW_DIR/lib/libtensorflow.so"
}

test_wrong_hash_of_a_tarball() {
  run --from "$tarball#sha256=0000"
  fails_with "has not the hash that was given"
}

test_no_network() {
  PIP_NO_INDEX='' PIP_FIND_LINKS='' PIP_INDEX_URL=http://127.0.0.1:9/simple run
  fails_with "PyPI cannot be reached"
}

test_address_that_cannot_be_reached() {
  run --from http://127.0.0.1:9/libtensorflow.tar.gz
  fails_with "cannot be downloaded"
}

test_files_that_are_something_else() {
  run --from "$tmp/nowhere.tar.gz"
  fails_with "there is no file" || return
  echo text >"$tmp/text.tar.gz"
  run --from "$tmp/text.tar.gz"
  fails_with "cannot be unpacked" || return
  tar -czf "$tmp/other.tar.gz" -C "$here" fakes.sh
  run --from "$tmp/other.tar.gz"
  fails_with "is no libtensorflow tarball" || return
  head -c 300 "$cpu_wheel" >"$tmp/cut.whl"
  run --from "$tmp/cut.whl"
  fails_with "cannot be unpacked" || return
  run --from "$cusolver_wheel"
  fails_with "has no libtensorflow_cc.so.2"
}

test_missing_tools() {
  PATH=$tmp/stubs:$(only sha256sum python3) run
  fails_with "cc is not installed" || return
  PATH=$tmp/stubs:$(only sha256sum cc ld as) run
  fails_with "pip is not installed" || return
  PATH=$tmp/stubs:$(only cc ld as nm) run
  fails_with "sha256sum is not installed" || return
  PATH=$tmp/stubs:$(only cc ld as sha256sum unzip) run --from "$cpu_wheel"
  fails_with "nm is not installed" || return
  PATH=$tmp/stubs:$(only cc ld as nm sha256sum) run --from http://127.0.0.1:9/x.tar.gz
  fails_with "neither curl nor wget" || return
  PATH=$tmp/stubs:$(only cc ld as nm sha256sum) run --from "$cpu_wheel"
  fails_with "neither unzip nor python3"
}

test_other_machines_are_told() {
  # shellcheck disable=SC2016 # for the stub to expand
  printf '#!/bin/sh\n[ "$1" = -s ] && echo Darwin || echo arm64\n' >"$tmp/stubs/uname"
  chmod +x "$tmp/stubs/uname"
  run
  rm "$tmp/stubs/uname"
  fails_with "this is Darwin arm64"
}

test_arguments() {
  run --help && succeeds && says usage || return
  run --frm x
  fails_with "unknown argument --frm" || return
  run --prefix
  fails_with "--prefix wants a value"
}

test_prefix_that_cannot_be_written() {
  touch "$tmp/prefix"
  run --prefix "$tmp/prefix/deep"
  fails_with "cannot write to"
}

test_interrupted_run_starts_again() {
  run && succeeds || return
  rm "$TFKEEP_LIBTENSORFLOW_DIR/share/libtensorflow/installed" "$TFKEEP_LIBTENSORFLOW_DIR/lib/libtensorflow.so"
  run && succeeds && exists "$TFKEEP_LIBTENSORFLOW_DIR/lib/libtensorflow.so"
}

# ---- python.sh ----------------------------------------------------------------------

python_sh() {
  out=$(TFKEEP_VENV=$tmp/venv "$tmp/checkout/scripts/python.sh" 2>&1 </dev/null)
  status=$?
}
python_fails_with() {
  [[ $status != 0 && $(tail -n1 <<<"$out") == python:*"$1"* ]] || problem "status $status, it says: $out"
}

test_python_fresh_and_again() {
  pin "$tmp/checkout/scripts/requirements.txt" "$tmp/wheels/six-1.0-py3-none-any.whl"
  python_sh && succeeds && says "is ready" && python_sh && succeeds && says "up to date"
}

test_python_wrong_hash() {
  pin "$tmp/checkout/scripts/requirements.txt" "$tmp/wheels/six-1.0-py3-none-any.whl"
  sed -i 's/sha256:....../sha256:000000/' "$tmp/checkout/scripts/requirements.txt"
  python_sh
  python_fails_with "does not match its hash"
}

test_python_no_network() {
  export PIP_NO_INDEX='' PIP_FIND_LINKS='' PIP_INDEX_URL=http://127.0.0.1:9/simple
  python_sh
  unset PIP_INDEX_URL
  export PIP_NO_INDEX=1 PIP_FIND_LINKS=$tmp/wheels
  python_fails_with "PyPI cannot be reached"
}

test_python_without_venv() {
  # shellcheck disable=SC2016 # for the stub to expand
  printf '#!/bin/sh\ncase $2 in *sys*) exit 0;; venv) exit 1;; esac\n' >"$tmp/stubs/python3"
  chmod +x "$tmp/stubs/python3"
  python_sh
  rm "$tmp/stubs/python3"
  python_fails_with "install its venv module"
}

test_python_missing() {
  PATH=$(only) python_sh
  python_fails_with "no Python 3.11, 3.12 or 3.13"
}

test_python_named_by_the_environment() {
  TFKEEP_PYTHON=/nonexistent/python python_sh
  python_fails_with "has no TensorFlow" || return
  printf '#!/bin/sh\necho 2.21.0\n' >"$tmp/fake-python"
  chmod +x "$tmp/fake-python"
  TFKEEP_PYTHON=$tmp/fake-python python_sh
  succeeds && says "TensorFlow 2.21.0" && missing "$tmp/venv"
}

# ---- the runner ---------------------------------------------------------------------

mkdir -p "$tmp/six/six" && : >"$tmp/six/six/__init__.py"
zip_wheel "$tmp/wheels/six-1.0-py3-none-any.whl" "$tmp/six" six

# shellcheck source-path=SCRIPTDIR source=runner.sh
source "$here/runner.sh"
run_tests "$@"
