#include "step.h"

#include <stdlib.h>

#include "threads.h"

tfk_step* tfk_new_step(int num_feeds, int num_fetches, int num_targets) {
  tfk_step* step = calloc(1, sizeof(tfk_step));
  if (step == NULL) return NULL;
  step->num_feeds = num_feeds;
  step->num_fetches = num_fetches;
  step->num_targets = num_targets;
  // One element more than needed, because calloc(0) may return NULL.
  step->feeds = calloc(num_feeds + 1, sizeof(TF_Output));
  step->feed_types = calloc(num_feeds + 1, sizeof(TF_DataType));
  step->feed_tensors = calloc(num_feeds + 1, sizeof(TF_Tensor*));
  step->fetches = calloc(num_fetches + 1, sizeof(TF_Output));
  step->fetch_tensors = calloc(num_fetches + 1, sizeof(TF_Tensor*));
  step->replaced = calloc(num_fetches + 1, sizeof(TF_Tensor*));
  step->fetch_shapes = calloc(num_fetches + 1, sizeof(tfk_shape));
  step->targets = calloc(num_targets + 1, sizeof(TF_Operation*));
  step->status = TF_NewStatus();
  if (step->feeds == NULL || step->feed_types == NULL ||
      step->feed_tensors == NULL || step->fetches == NULL ||
      step->fetch_tensors == NULL || step->replaced == NULL ||
      step->fetch_shapes == NULL || step->targets == NULL ||
      step->status == NULL) {
    tfk_delete_step(step);
    return NULL;
  }
  return step;
}

void tfk_delete_step(tfk_step* step) {
  if (step == NULL) return;
  free(step->feeds);
  free(step->feed_types);
  free(step->feed_tensors);
  free(step->fetches);
  free(step->fetch_tensors);
  free(step->replaced);
  free(step->fetch_shapes);
  free(step->targets);
  if (step->status != NULL) TF_DeleteStatus(step->status);
  free(step);
}

int tfk_run(TF_Session* session, tfk_step* step, const TF_Buffer* options,
            TF_Buffer* metadata) {
  for (int i = 0; i < step->num_feeds; i++) {
    if (TF_TensorType(step->feed_tensors[i]) != step->feed_types[i]) {
      return i + 1;
    }
  }
  for (int i = 0; i < step->num_fetches; i++) step->fetch_tensors[i] = NULL;
  tfk_session_run(session, options, step->feeds, step->feed_tensors,
                  step->num_feeds, step->fetches, step->fetch_tensors,
                  step->num_fetches,
                  (const TF_Operation* const*)step->targets, step->num_targets,
                  metadata, step->status);
  if (TF_GetCode(step->status) != TF_OK) return -1;
  for (int i = 0; i < step->num_fetches; i++) {
    if (step->replaced[i] != NULL) TF_DeleteTensor(step->replaced[i]);
    tfk_shape* shape = &step->fetch_shapes[i];
    const TF_Tensor* t = step->fetch_tensors[i];
    shape->num_dims = TF_NumDims(t);
    for (int d = 0; d < shape->num_dims && d < tfk_max_dims; d++) {
      shape->dims[d] = TF_Dim(t, d);
    }
  }
  return 0;
}
