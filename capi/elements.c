#include "elements.h"

tfk_view tfk_view_of(TF_Tensor* tensor) {
  tfk_view view;
  view.data = TF_TensorData(tensor);
  view.size = TF_TensorByteSize(tensor);
  view.type = TF_TensorType(tensor);
  // It returns the tensor itself, without changing anything, or NULL.
  view.shared = TF_TensorMaybeMove(tensor) == NULL;
  return view;
}
