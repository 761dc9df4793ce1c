#include "library.h"

#include <stddef.h>

// The newest functions of the public C API. They are weak, so that a program also
// loads with a library that lacks them, and reports an error.
#pragma weak TF_SetAttr
#pragma weak TF_SetRequestedDevice
#pragma weak TF_ClearAttr
#pragma weak TF_GetHandleShapeAndType
#pragma weak TF_SetHandleShapeAndType
#pragma weak TF_AddWhileInputHack
#pragma weak TF_ImportGraphDefOptionsSetValidateColocationConstraints

const char* tfk_missing_function(void) {
  if (TF_SetAttr == NULL) return "TF_SetAttr";
  if (TF_SetRequestedDevice == NULL) return "TF_SetRequestedDevice";
  if (TF_ClearAttr == NULL) return "TF_ClearAttr";
  if (TF_GetHandleShapeAndType == NULL) return "TF_GetHandleShapeAndType";
  if (TF_SetHandleShapeAndType == NULL) return "TF_SetHandleShapeAndType";
  if (TF_AddWhileInputHack == NULL) return "TF_AddWhileInputHack";
  if (TF_ImportGraphDefOptionsSetValidateColocationConstraints == NULL) {
    return "TF_ImportGraphDefOptionsSetValidateColocationConstraints";
  }
  return NULL;
}
