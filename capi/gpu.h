#ifndef TFKEEP_GPU_H_
#define TFKEEP_GPU_H_

#include "tensorflow/c/c_api.h"

// The library exports this function, but its header is not among those that the
// binding needs.
extern TF_Buffer* TF_GetRegisteredKernelsForOp(const char* name, TF_Status* status);

// tfk_open_library opens a shared library as TensorFlow does, and closes it. It
// returns NULL or the loader's message, which the caller frees.
char* tfk_open_library(const char* name);

#define TFK_MAX_GPUS 64

typedef struct {
  char name[256];
  size_t memory;
  int major, minor; // compute capability
} tfk_gpu;

typedef struct {
  // failed is the function of the driver that failed, or NULL. If result is 0 the
  // driver lacks the function. error is the driver's name of the result, or NULL.
  const char* failed;
  int result;
  const char* error;
  int version; // of CUDA, such as 12040
  int count;
  tfk_gpu gpus[TFK_MAX_GPUS];
} tfk_driver;

// tfk_read_driver reads version and GPUs from NVIDIA's driver, without creating a
// context. It returns NULL, or the loader's message if the driver cannot be opened,
// which the caller frees.
char* tfk_read_driver(tfk_driver* d);

#endif  // TFKEEP_GPU_H_
