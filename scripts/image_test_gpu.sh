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
  mkdir -m 777 "$work/driver"
  contain "tfkeep-image-test-$$" "$(base GO_IMAGE)" --volume "$work/driver:/driver" --volume "$scripts/../capi/testdata/gpu:/source:ro" -- sh -c '
    cc -shared -fPIC -Wl,-soname,libcuda.so.1 /source/libcuda.c -o /driver/libcuda.so.1 &&
    cc -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 /source/libnvidia-ml.c -o /driver/libnvidia-ml.so.1' >"$out" 2>&1 || fail "the stand-in for the driver" "$out"
}

# with_driver [OPTIONS] -- COMMAND...: with the stand-in where NVIDIA's runtime would put it,
# and with what TensorFlow logs of the libraries that it opens.
with_driver() {
  in_image --volume "$work/driver:/driver:ro" --env LD_LIBRARY_PATH=/driver --env TF_CPP_MIN_LOG_LEVEL=0 --env TF_CPP_MAX_VLOG_LEVEL=1 "$@"
}

test_cuda_is_found_up_to_the_driver() {
  local library edit
  # shellcheck disable=SC2016 # for the container's shell to expand
  in_image -- sh -c 'for f in /opt/tensorflow/lib/libtensorflow-gpu/*/*.so* /opt/tensorflow/lib/libtensorflow-gpu/*/*/lib/*.so*; do ldd "$f"; done | grep "not found" | sort -u || true'
  [[ $(sed 's/^[[:space:]]*//' "$out") == 'libcuda.so.1 => not found' ]] || fail "more than the driver is missing" "$out"

  stub_driver
  with_driver -- tfkeep-run devices --driver --require gpu || fail "a library of CUDA is missing" "$out"
  says "Stub GPU 0, 80.0 GiB, compute capability 8.0" "the health check with a driver"

  # The training ends where the stand-in does, maybe by a signal: its log is what counts.
  with_driver -- train -out /data/stub -steps 1 || true
  for library in libcuda.so.1 libnvidia-ml.so.1 libcudart.so.12 libcublas.so.12 libcublasLt.so.12 libcufft.so.11 libcusolver.so.11 libcusparse.so.12 libcudnn.so.9; do
    says "Successfully opened dynamic library $library" "TensorFlow with a driver"
  done
  says "Adding visible gpu devices: 0" "TensorFlow with a driver"
  say "with a driver, TensorFlow opens all of CUDA and adds the GPU"

  # Without its line for the loader cuSOLVER is not found: so the test can tell.
  edit='sed -i /cusolver/d /etc/ld.so.conf.d/libtensorflow.conf && ldconfig &&'
  with_driver --user 0:0 -- sh -c "$edit exec train -out /data/stub -steps 1" || true
  says "Could not load dynamic library 'libcusolver.so.11'" "TensorFlow without cuSOLVER"
  says "Skipping registering GPU devices" "TensorFlow without cuSOLVER"
  if with_driver --user 0:0 -- sh -c "$edit exec tfkeep-run devices --driver --require gpu"; then fail "cuSOLVER is not missed" "$out"; fi
  says "libcusolver.so.11 cannot be opened" "the health check without cuSOLVER"

  # The health check looks where TensorFlow does: with cuSOLVER's line and TensorFlow's own
  # alone, both find the rest.
  edit='sed -i -e /cusolver/b -e /nvidia/d /etc/ld.so.conf.d/libtensorflow.conf && ldconfig &&'
  with_driver --user 0:0 -- sh -c "$edit exec tfkeep-run devices --driver --require gpu" || fail "the health check looks in other places than TensorFlow" "$out"
  with_driver --user 0:0 -- sh -c "$edit exec train -out /data/stub -steps 1" || true
  says "Adding visible gpu devices: 0" "TensorFlow, without the lines of what it finds by itself"
  say "of all the lines for the loader, cuSOLVER's is the one that is missed"
}
