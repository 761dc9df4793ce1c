#ifndef TFKEEP_FOREIGN_H_
#define TFKEEP_FOREIGN_H_

#include <stdint.h>

#include "tensorflow/c/c_api.h"

// tfk_foreign_tensor makes a tensor over memory. tfkReleaseForeign(handle) is
// called when the memory is no longer needed.
TF_Tensor* tfk_foreign_tensor(TF_DataType type, const int64_t* dims,
                              int num_dims, void* data, size_t len,
                              uintptr_t handle);

#endif  // TFKEEP_FOREIGN_H_
