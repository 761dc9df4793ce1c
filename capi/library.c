#include "library.h"

#include <stddef.h>

// These came to the public C API last. Declared weak, a library without them
// still loads, and its lack can be told in words.
#pragma weak TF_SetAttr
#pragma weak TF_SetRequestedDevice
#pragma weak TF_ClearAttr
#pragma weak TF_ImportGraphDefOptionsSetValidateColocationConstraints

const char* tfk_missing_function(void) {
  if (TF_SetAttr == NULL) return "TF_SetAttr";
  if (TF_SetRequestedDevice == NULL) return "TF_SetRequestedDevice";
  if (TF_ClearAttr == NULL) return "TF_ClearAttr";
  if (TF_ImportGraphDefOptionsSetValidateColocationConstraints == NULL) {
    return "TF_ImportGraphDefOptionsSetValidateColocationConstraints";
  }
  return NULL;
}
