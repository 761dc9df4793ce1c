/* A library of one op for tests, TfkeepTriple: three times its input. It needs no header of
   TensorFlow. */
#include <stddef.h>
#include <stdint.h>

typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TF_OpKernelContext TF_OpKernelContext;

extern TF_Status* TF_NewStatus(void);
extern void TF_DeleteStatus(TF_Status*);
extern void* TF_NewOpDefinitionBuilder(const char*);
extern void TF_OpDefinitionBuilderAddInput(void*, const char*);
extern void TF_OpDefinitionBuilderAddOutput(void*, const char*);
extern void TF_OpDefinitionBuilderSetShapeInferenceFunction(void*, void (*)(void*, TF_Status*));
extern void TF_ShapeInferenceContextSetUnknownShape(void*, TF_Status*);
extern void TF_RegisterOpDefinition(void*, TF_Status*);
extern void* TF_NewKernelBuilder(const char*, const char*, void* (*)(void*), void (*)(void*, TF_OpKernelContext*), void (*)(void*));
extern void TF_RegisterKernelBuilder(const char*, void*, TF_Status*);
extern void TF_GetInput(TF_OpKernelContext*, int, TF_Tensor**, TF_Status*);
extern TF_Tensor* TF_AllocateOutput(TF_OpKernelContext*, int, int, const int64_t*, int, size_t, TF_Status*);
extern int TF_NumDims(const TF_Tensor*);
extern int64_t TF_Dim(const TF_Tensor*, int);
extern size_t TF_TensorByteSize(const TF_Tensor*);
extern void* TF_TensorData(const TF_Tensor*);
extern void TF_DeleteTensor(TF_Tensor*);

static void compute(void* kernel, TF_OpKernelContext* ctx) {
  TF_Status* status = TF_NewStatus();
  TF_Tensor *in = NULL, *out;
  int64_t dims[8];
  TF_GetInput(ctx, 0, &in, status);
  for (int i = 0; i < TF_NumDims(in); i++) dims[i] = TF_Dim(in, i);
  size_t bytes = TF_TensorByteSize(in);
  out = TF_AllocateOutput(ctx, 0, 1, dims, TF_NumDims(in), bytes, status);
  for (size_t i = 0; i < bytes / sizeof(float); i++) ((float*)TF_TensorData(out))[i] = 3 * ((float*)TF_TensorData(in))[i];
  TF_DeleteTensor(in);
  TF_DeleteTensor(out);
  TF_DeleteStatus(status);
}

__attribute__((constructor)) static void register_op(void) {
  TF_Status* status = TF_NewStatus();
  void* op = TF_NewOpDefinitionBuilder("TfkeepTriple");
  TF_OpDefinitionBuilderAddInput(op, "x: float");
  TF_OpDefinitionBuilderAddOutput(op, "y: float");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, TF_ShapeInferenceContextSetUnknownShape);
  TF_RegisterOpDefinition(op, status);
  TF_RegisterKernelBuilder("TfkeepTriple", TF_NewKernelBuilder("TfkeepTriple", "CPU", NULL, compute, NULL), status);
  TF_DeleteStatus(status);
}
