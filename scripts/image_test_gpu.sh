# shellcheck shell=bash
# What can be shown of the gpu image without a GPU: that only the driver is missing. Sourced
# by image_test.sh. A stand-in for the driver, compiled here and mounted into the container,
# shows one GPU, on which nothing can run; TensorFlow opens all of CUDA before it finds out.
: "${IMAGE:?}" "${work:?}" "${out:?}" "${scripts:?}"

test_health_of_the_gpu_image() {
  if health; then fail "healthy without a GPU" "$out"; fi
  says "there is no NVIDIA driver (libcuda.so.1" "the health check"
  health --env TFKEEP_REQUIRE=cpu || fail "the health check, told to do without a GPU" "$out"
  say "not healthy without a GPU, unless told so"
}

# stub_driver makes the driver's libraries in $work/driver, in the image that has a compiler
# and the same C library.
stub_driver() {
  local go_image=${GO_IMAGE:-$(sed -n 's/^ARG GO_IMAGE=//p' "$scripts/../Dockerfile.gpu")}
  mkdir -m 777 "$work/driver"
  contain "tfkeep-image-test-$$" "$go_image" --volume "$work/driver:/driver" --volume "$scripts/../capi/testdata/gpu:/source:ro" -- sh -c '
    cc -shared -fPIC -Wl,-soname,libcuda.so.1 /source/libcuda.c -o /driver/libcuda.so.1 &&
    cc -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 /source/libnvidia-ml.c -o /driver/libnvidia-ml.so.1' >"$out" 2>&1 || fail "the stand-in for the driver" "$out"
}

# with_driver [OPTIONS] -- COMMAND...: with the stand-in where NVIDIA's runtime would put it.
with_driver() { in_image --volume "$work/driver:/driver:ro" --env LD_LIBRARY_PATH=/driver --env TF_CPP_MIN_LOG_LEVEL=0 "$@"; }

test_cuda_is_found_up_to_the_driver() {
  # shellcheck disable=SC2016 # for the container's shell to expand
  in_image -- sh -c 'for f in /opt/tensorflow/lib/libtensorflow-gpu/*/*.so* /opt/tensorflow/lib/libtensorflow-gpu/*/*/lib/*.so*; do ldd "$f"; done | grep "not found" | sort -u || true'
  [[ $(sed 's/^[[:space:]]*//' "$out") == 'libcuda.so.1 => not found' ]] || fail "more than the driver is missing" "$out"

  stub_driver
  with_driver -- sh -c 'tfkeep-run devices --driver --require gpu' || fail "a library of CUDA is missing" "$out"
  says "Stub GPU 0, 80.0 GiB, compute capability 8.0" "the health check with a driver"

  # The training ends where the stand-in does, maybe by a signal: its log is what counts.
  with_driver -- train -out /data/stub -steps 1 || true
  says "Adding visible gpu devices: 0" "TensorFlow with a driver"
  if grep -q 'Cannot dlopen some GPU libraries' "$out"; then fail "TensorFlow misses a library of CUDA" "$out"; fi
  say "with a driver, TensorFlow opens all of CUDA and adds the GPU"

  # Without its line for the loader cuSOLVER is not found: so the test can tell.
  local without_cusolver='sed -i /cusolver/d /etc/ld.so.conf.d/libtensorflow.conf && ldconfig &&'
  with_driver --user 0:0 -- sh -c "$without_cusolver train -out /data/stub -steps 1" || true
  says "Cannot dlopen some GPU libraries" "TensorFlow without cuSOLVER"
  if with_driver --user 0:0 -- sh -c "$without_cusolver tfkeep-run devices --driver --require gpu"; then fail "cuSOLVER is not missed" "$out"; fi
  says "libcusolver.so.11 cannot be opened" "the health check without cuSOLVER"
  # And the others are found where TensorFlow looks for them itself.
  if grep -v -e libcusolver -e 'all of CUDA' "$out" | grep -q 'cannot be opened'; then fail "more than cuSOLVER is missing" "$out"; fi
  say "without its line for the loader, cuSOLVER is missed"
}
