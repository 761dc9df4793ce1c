#ifndef TFKEEP_LIBRARY_H_
#define TFKEEP_LIBRARY_H_

#include "tensorflow/c/c_api.h"

// The library exports this function, but its header needs C++.
extern void TF_ImportGraphDefOptionsSetValidateColocationConstraints(
    TF_ImportGraphDefOptions* opts, unsigned char enable);

// The newest public functions, declared here for older headers.
extern void TF_SetAttr(TF_Graph* graph, TF_Operation* op, const char* attr_name,
                       TF_Buffer* attr_value_proto, TF_Status* status);
extern void TF_ClearAttr(TF_Graph* graph, TF_Operation* op,
                         const char* attr_name, TF_Status* status);
extern void TF_SetRequestedDevice(TF_Graph* graph, TF_Operation* op,
                                  const char* device);
extern TF_Buffer* TF_GetHandleShapeAndType(TF_Graph* graph, TF_Output output);
extern void TF_SetHandleShapeAndType(TF_Graph* graph, TF_Output output,
                                     const void* proto, size_t proto_len,
                                     TF_Status* status);
extern void TF_AddWhileInputHack(TF_Graph* graph, TF_Output new_src,
                                 TF_Operation* dst, TF_Status* status);

// tfk_missing_function returns the name of a function that this package needs and
// the loaded library lacks, or NULL.
const char* tfk_missing_function(void);

#endif  // TFKEEP_LIBRARY_H_
