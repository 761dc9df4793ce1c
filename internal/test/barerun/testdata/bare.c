// bare runs a step of a graph with TF_SessionRun, and prints how many seconds a
// run takes: the median of groups of 10 runs, and the fastest group.
//
// bare GRAPH_DEF GROUPS INLINE INIT TARGETS FETCHES FEED...
//
// INLINE is 1 to run in the calling thread. INIT and TARGETS are names of
// operations and FETCHES of operations whose output 0 is fetched, each list with
// commas, or "-". A FEED is NAME=TYPE:DIM,DIM with the number of a type.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensorflow/c/c_api.h"

enum { max = 64, group = 10 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void check(int ok, const char* what) {
  if (ok) return;
  fprintf(stderr, "bare: %s\n", what);
  exit(1);
}

static int compare(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static int operations(TF_Graph* g, char* list, const TF_Operation** ops) {
  int n = 0;
  if (strcmp(list, "-") == 0) return 0;
  for (char* name = strtok(list, ","); name != NULL; name = strtok(NULL, ",")) {
    check(n < max, "too many operations");
    ops[n] = TF_GraphOperationByName(g, name);
    check(ops[n++] != NULL, name);
  }
  return n;
}

static TF_Tensor* feed(TF_Graph* g, char* arg, TF_Output* output) {
  char* type = strchr(arg, '=');
  check(type != NULL, arg);
  *type++ = 0;
  output->oper = TF_GraphOperationByName(g, arg);
  check(output->oper != NULL, arg);
  int dt = atoi(type), n = 0;
  int64_t dims[8];
  size_t size = TF_DataTypeSize(dt);
  char* list = strchr(type, ':');
  for (char* d = list == NULL ? NULL : strtok(list + 1, ","); d != NULL && n < 8;
       d = strtok(NULL, ",")) {
    size *= dims[n++] = atoll(d);
  }
  TF_Tensor* t = TF_AllocateTensor(dt, dims, n, size);
  memset(TF_TensorData(t), 0, size);
  return t;
}

int main(int argc, char** argv) {
  check(argc >= 7, "too few arguments");
  TF_Status* st = TF_NewStatus();
  FILE* f = fopen(argv[1], "rb");
  check(f != NULL, argv[1]);
  fseek(f, 0, SEEK_END);
  size_t size = ftell(f);
  rewind(f);
  char* raw = malloc(size + 1);
  check(fread(raw, 1, size, f) == size, argv[1]);
  fclose(f);
  TF_Graph* g = TF_NewGraph();
  TF_Buffer* def = TF_NewBufferFromString(raw, size);
  TF_ImportGraphDefOptions* import = TF_NewImportGraphDefOptions();
  TF_GraphImportGraphDef(g, def, import, st);
  check(TF_GetCode(st) == TF_OK, TF_Message(st));

  int groups = atoi(argv[2]);
  TF_SessionOptions* so = TF_NewSessionOptions();
  TF_Buffer* options = NULL;
  if (atoi(argv[3]) != 0) {
    // inter_op_thread_pool: -1
    options = TF_NewBufferFromString(
        "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    // intra_op_parallelism_threads: 1, inter_op_parallelism_threads: -1
    TF_SetConfig(so, "\x10\x01\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13,
                 st);
    check(TF_GetCode(st) == TF_OK, TF_Message(st));
  }
  TF_Session* s = TF_NewSession(g, so, st);
  check(TF_GetCode(st) == TF_OK, TF_Message(st));
  const TF_Operation *init[max], *targets[max], *fetched[max];
  int inits = operations(g, argv[4], init);
  if (inits > 0) {
    TF_SessionRun(s, NULL, NULL, NULL, 0, NULL, NULL, 0, init, inits, NULL, st);
    check(TF_GetCode(st) == TF_OK, TF_Message(st));
  }
  int num_targets = operations(g, argv[5], targets);
  int num_fetches = operations(g, argv[6], fetched), num_feeds = argc - 7;
  check(num_feeds <= max, "too many feeds");
  TF_Output feeds[max], fetches[max];
  TF_Tensor *values[max], *out[max];
  for (int i = 0; i < num_feeds; i++) {
    feeds[i].index = 0;
    values[i] = feed(g, argv[7 + i], &feeds[i]);
  }
  for (int i = 0; i < num_fetches; i++) {
    fetches[i].oper = (TF_Operation*)fetched[i];
    fetches[i].index = 0;
  }
  double* took = calloc(groups + 1, sizeof(double));
  for (int n = 0; n <= groups; n++) {  // group 0 does not count
    double start = now();
    for (int k = 0; k < group; k++) {
      TF_SessionRun(s, options, feeds, values, num_feeds, fetches, out,
                    num_fetches, targets, num_targets, NULL, st);
      check(TF_GetCode(st) == TF_OK, TF_Message(st));
      for (int i = 0; i < num_fetches; i++) TF_DeleteTensor(out[i]);
    }
    took[n] = (now() - start) / group;
  }
  qsort(took + 1, groups, sizeof(double), compare);
  printf("%.9f %.9f\n", took[1 + groups / 2], took[1]);
  return 0;
}
