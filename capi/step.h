#ifndef TFKEEP_STEP_H_
#define TFKEEP_STEP_H_

#include "tensorflow/c/c_api.h"

// tfk_max_dims is the largest rank for which a step reports the shape of a
// result. Shapes of larger ranks are read one by one.
enum { tfk_max_dims = 8 };

typedef struct {
  int num_dims;
  int64_t dims[tfk_max_dims];
} tfk_shape;

// tfk_step is one prepared step. It lies in C memory, so that running it is one
// call from Go in which cgo checks no Go pointers.
typedef struct {
  TF_Output* feeds;
  TF_DataType* feed_types;  // without the reference flag
  TF_Tensor** feed_tensors;
  int num_feeds;
  TF_Output* fetches;
  TF_Tensor** fetch_tensors;
  TF_Tensor** replaced;  // deleted after a run that succeeds; may be NULL
  tfk_shape* fetch_shapes;
  int num_fetches;
  TF_Operation** targets;
  int num_targets;
  TF_Status* status;
} tfk_step;

tfk_step* tfk_new_step(int num_feeds, int num_fetches, int num_targets);
void tfk_delete_step(tfk_step* step);

// tfk_run runs a step and stores its results and their shapes. It returns 0, -1
// if the run fails, or n without running anything if the tensor of feed n-1 has
// the wrong type. If the run succeeds, it deletes the tensors that the results replace.
int tfk_run(TF_Session* session, tfk_step* step, const TF_Buffer* options,
            TF_Buffer* metadata);

#endif  // TFKEEP_STEP_H_
