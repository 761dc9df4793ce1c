#include "threads.h"

#include <pthread.h>
#include <signal.h>

static sigset_t block_profiler(void) {
  sigset_t profiler, before;
  sigemptyset(&profiler);
  sigaddset(&profiler, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &profiler, &before);
  return before;
}

static void restore(sigset_t before) {
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

TF_Session* tfk_new_session(TF_Graph* graph, const TF_SessionOptions* options,
                            TF_Status* status) {
  sigset_t before = block_profiler();
  TF_Session* session = TF_NewSession(graph, options, status);
  restore(before);
  return session;
}

TF_Operation* tfk_finish_operation(TF_OperationDescription* description,
                                   TF_Status* status) {
  sigset_t before = block_profiler();
  TF_Operation* operation = TF_FinishOperation(description, status);
  restore(before);
  return operation;
}

TF_ImportGraphDefResults* tfk_import_graph_def(
    TF_Graph* graph, const TF_Buffer* graph_def,
    const TF_ImportGraphDefOptions* options, TF_Status* status) {
  sigset_t before = block_profiler();
  TF_ImportGraphDefResults* results =
      TF_GraphImportGraphDefWithResults(graph, graph_def, options, status);
  restore(before);
  return results;
}

TF_Server* tfk_new_server(const void* proto, size_t size, TF_Status* status) {
  sigset_t before = block_profiler();
  TF_Server* server = TF_NewServer(proto, size, status);
  restore(before);
  return server;
}

void tfk_start_server(TF_Server* server, TF_Status* status) {
  sigset_t before = block_profiler();
  TF_ServerStart(server, status);
  restore(before);
}

void tfk_session_run(TF_Session* session, const TF_Buffer* run_options,
                     const TF_Output* inputs, TF_Tensor* const* input_values,
                     int num_inputs, const TF_Output* outputs,
                     TF_Tensor** output_values, int num_outputs,
                     const TF_Operation* const* targets, int num_targets,
                     TF_Buffer* run_metadata, TF_Status* status) {
  sigset_t before = block_profiler();
  TF_SessionRun(session, run_options, inputs, input_values, num_inputs, outputs,
                output_values, num_outputs, targets, num_targets, run_metadata,
                status);
  restore(before);
}

void tfk_extend(TF_Session* session, TF_Status* status) {
  TF_Buffer no_message = {"\xff", 1, NULL};
  tfk_session_run(session, &no_message, NULL, NULL, 0, NULL, NULL, 0, NULL, 0,
                  NULL, status);
}
