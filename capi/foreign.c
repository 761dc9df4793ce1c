#include "foreign.h"

extern void tfkReleaseForeign(uintptr_t handle);

static void release(void* data, size_t len, void* arg) {
  (void)data;
  (void)len;
  tfkReleaseForeign((uintptr_t)arg);
}

TF_Tensor* tfk_foreign_tensor(TF_DataType type, const int64_t* dims,
                              int num_dims, void* data, size_t len,
                              uintptr_t handle) {
  return TF_NewTensor(type, dims, num_dims, data, len, release, (void*)handle);
}
