#include "call.h"

#include <stdlib.h>

tfk_call* tfk_new_call(int num_feeds, int num_fetches, int num_targets) {
  tfk_call* call = calloc(1, sizeof(tfk_call));
  if (call == NULL) return NULL;
  call->num_feeds = num_feeds;
  call->num_fetches = num_fetches;
  call->num_targets = num_targets;
  // One element more than needed: calloc(0) may return NULL.
  call->feeds = calloc(num_feeds + 1, sizeof(TF_Output));
  call->feed_types = calloc(num_feeds + 1, sizeof(TF_DataType));
  call->feed_tensors = calloc(num_feeds + 1, sizeof(TF_Tensor*));
  call->fetches = calloc(num_fetches + 1, sizeof(TF_Output));
  call->fetch_tensors = calloc(num_fetches + 1, sizeof(TF_Tensor*));
  call->fetch_shapes = calloc(num_fetches + 1, sizeof(tfk_shape));
  call->targets = calloc(num_targets + 1, sizeof(TF_Operation*));
  call->status = TF_NewStatus();
  if (call->feeds == NULL || call->feed_types == NULL ||
      call->feed_tensors == NULL || call->fetches == NULL ||
      call->fetch_tensors == NULL || call->fetch_shapes == NULL ||
      call->targets == NULL || call->status == NULL) {
    tfk_delete_call(call);
    return NULL;
  }
  return call;
}

void tfk_delete_call(tfk_call* call) {
  if (call == NULL) return;
  free(call->feeds);
  free(call->feed_types);
  free(call->feed_tensors);
  free(call->fetches);
  free(call->fetch_tensors);
  free(call->fetch_shapes);
  free(call->targets);
  if (call->status != NULL) TF_DeleteStatus(call->status);
  free(call);
}

int tfk_run(TF_Session* session, tfk_call* call, const TF_Buffer* options,
            TF_Buffer* metadata) {
  for (int i = 0; i < call->num_feeds; i++) {
    if (TF_TensorType(call->feed_tensors[i]) != call->feed_types[i]) {
      return i + 1;
    }
  }
  for (int i = 0; i < call->num_fetches; i++) call->fetch_tensors[i] = NULL;
  TF_SessionRun(session, options, call->feeds, call->feed_tensors,
                call->num_feeds, call->fetches, call->fetch_tensors,
                call->num_fetches,
                (const TF_Operation* const*)call->targets, call->num_targets,
                metadata, call->status);
  if (TF_GetCode(call->status) != TF_OK) return 0;
  for (int i = 0; i < call->num_fetches; i++) {
    tfk_shape* shape = &call->fetch_shapes[i];
    const TF_Tensor* t = call->fetch_tensors[i];
    shape->num_dims = TF_NumDims(t);
    for (int d = 0; d < shape->num_dims && d < tfk_max_dims; d++) {
      shape->dims[d] = TF_Dim(t, d);
    }
  }
  return 0;
}
