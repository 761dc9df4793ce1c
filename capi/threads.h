#ifndef TFKEEP_THREADS_H_
#define TFKEEP_THREADS_H_

#include "server.h"
#include "tensorflow/c/c_api.h"

// These functions call the function of TensorFlow with the same name while the
// calling thread blocks SIGPROF, the signal of Go's CPU profiler. The threads
// that TensorFlow starts meanwhile inherit that and are never interrupted.
//
// A thread of TensorFlow must not be: it has no alternate signal stack, and the
// code that oneDNN generates for matrix products keeps the address of a buffer
// on the heap in the stack pointer. The kernel would write the signal's frame
// beside that buffer.
//
// Go's own threads have alternate signal stacks, so that they need no protection.

TF_Session* tfk_new_session(TF_Graph* graph, const TF_SessionOptions* options,
                            TF_Status* status);
TF_Operation* tfk_finish_operation(TF_OperationDescription* description,
                                   TF_Status* status);
TF_ImportGraphDefResults* tfk_import_graph_def(
    TF_Graph* graph, const TF_Buffer* graph_def,
    const TF_ImportGraphDefOptions* options, TF_Status* status);
TF_Server* tfk_new_server(const void* proto, size_t size, TF_Status* status);
void tfk_start_server(TF_Server* server, TF_Status* status);
void tfk_session_run(TF_Session* session, const TF_Buffer* run_options,
                     const TF_Output* inputs, TF_Tensor* const* input_values,
                     int num_inputs, const TF_Output* outputs,
                     TF_Tensor** output_values, int num_outputs,
                     const TF_Operation* const* targets, int num_targets,
                     TF_Buffer* run_metadata, TF_Status* status);

// tfk_extend does what TF_SessionRun does first: it hands the nodes of the graph
// that are new to the session. TF_SessionRun then fails, because the options
// are no message.
void tfk_extend(TF_Session* session, TF_Status* status);

#endif  // TFKEEP_THREADS_H_
