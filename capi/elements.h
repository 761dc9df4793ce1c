#ifndef TFKEEP_ELEMENTS_H_
#define TFKEEP_ELEMENTS_H_

#include "tensorflow/c/c_api.h"

// tfk_view says what a tensor holds, in one call from Go.
typedef struct {
  void* data;
  size_t size;  // in bytes
  TF_DataType type;
  int shared;  // whether something else uses the same memory
} tfk_view;

tfk_view tfk_view_of(TF_Tensor* tensor);

#endif  // TFKEEP_ELEMENTS_H_
