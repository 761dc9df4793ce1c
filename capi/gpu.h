#ifndef TFKEEP_GPU_H_
#define TFKEEP_GPU_H_

#include "tensorflow/c/c_api.h"

// Exported by the library, and declared in a header that is not among those that
// the binding needs.
extern TF_Buffer* TF_GetRegisteredKernelsForOp(const char* name, TF_Status* status);

// tfk_open_library opens a shared library as TensorFlow's own loader does, and
// returns NULL, or what the system's loader says, for the caller to free.
char* tfk_open_library(const char* name);

#define TFK_MAX_GPUS 64

typedef struct {
  char name[256];
  size_t memory;
  int major, minor; // compute capability
} tfk_gpu;

typedef struct {
  // failed is the function of the driver that failed, or NULL; where result is 0
  // the driver lacks it. error is the driver's name for the result, or NULL.
  const char* failed;
  int result;
  const char* error;
  int version; // of CUDA, such as 12040
  int count;
  tfk_gpu gpus[TFK_MAX_GPUS];
} tfk_driver;

// tfk_ask_driver asks NVIDIA's driver for its GPUs, without a context on any. It
// returns NULL, or why the driver cannot be opened, for the caller to free.
char* tfk_ask_driver(tfk_driver* d);

#endif  // TFKEEP_GPU_H_
