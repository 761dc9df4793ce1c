#define _GNU_SOURCE
#include "gpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// said is a copy of the loader's message, which the next call of the loader overwrites.
static char* said(void) {
  const char* message = dlerror();
  return strdup(message != NULL ? message : "unknown error");
}

// opener is the library that TensorFlow opens others from: the system's loader
// searches the path that is written into it, and not that of the program.
static void* opener(void) {
  void* framework = dlopen("libtensorflow_framework.so.2", RTLD_LAZY | RTLD_NOLOAD);
  if (framework != NULL) return framework;
  Dl_info info;
  if (dladdr((void*)TF_Version, &info) == 0 || info.dli_fname == NULL) return NULL;
  return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
}

#ifdef __GLIBC__

// open_along opens name in the first folder of library's search path that has it. It
// returns whether there is one, with the error, if any, in *error.
static int open_along(void* library, const char* name, void** handle, char** error) {
  Dl_serinfo size;
  if (dlinfo(library, RTLD_DI_SERINFOSIZE, &size) != 0) return 0;
  Dl_serinfo* path = calloc(1, size.dls_size);
  if (path == NULL) return 0;
  int found = 0;
  if (dlinfo(library, RTLD_DI_SERINFOSIZE, path) == 0 && dlinfo(library, RTLD_DI_SERINFO, path) == 0) {
    for (unsigned i = 0; i < path->dls_cnt && !found; i++) {
      char* file = NULL;
      if (asprintf(&file, "%s/%s", path->dls_serpath[i].dls_name, name) < 0) break;
      if (access(file, R_OK) == 0) {
        found = 1;
        *handle = dlopen(file, RTLD_LAZY);
        if (*handle == NULL) *error = said();
      }
      free(file);
    }
  }
  free(path);
  return found;
}

#else  // other C libraries do not tell a library's search path

static int open_along(void* library, const char* name, void** handle, char** error) { return 0; }

#endif

// open_library is tfk_open_library that keeps the library open.
static void* open_library(const char* name, char** error) {
  void* handle = NULL;
  *error = NULL;
  void* from = opener();
  int found = from != NULL && open_along(from, name, &handle, error);
  if (from != NULL) dlclose(from);
  if (found) return handle;
  // The rest of the search is the same for all: the loader's cache.
  handle = dlopen(name, RTLD_LAZY);
  if (handle == NULL) *error = said();
  return handle;
}

char* tfk_open_library(const char* name) {
  char* error;
  void* handle = open_library(name, &error);
  if (handle != NULL) dlclose(handle);
  return error;
}

char* tfk_ask_driver(tfk_driver* d) {
  memset(d, 0, sizeof *d);
  char* error;
  // It stays open: the driver does not bear being unloaded.
  void* cuda = open_library("libcuda.so.1", &error);
  if (cuda == NULL) return error;

  int (*error_name)(int, const char**) = (int (*)(int, const char**))dlsym(cuda, "cuGetErrorName");
#define ASK(function, parameters, ...)                                     \
  do {                                                                     \
    int (*f) parameters = (int (*) parameters)dlsym(cuda, #function);      \
    d->failed = #function;                                                 \
    if (f == NULL) return NULL;                                            \
    d->result = f(__VA_ARGS__);                                            \
    if (d->result != 0) {                                                  \
      if (error_name != NULL) error_name(d->result, &d->error);            \
      return NULL;                                                         \
    }                                                                      \
  } while (0)

  ASK(cuDriverGetVersion, (int*), &d->version);
  ASK(cuInit, (unsigned), 0);
  int count = 0;
  ASK(cuDeviceGetCount, (int*), &count);
  for (int i = 0; i < count && i < TFK_MAX_GPUS; i++) {
    tfk_gpu* gpu = &d->gpus[i];
    int device = 0;
    ASK(cuDeviceGet, (int*, int), &device, i);
    ASK(cuDeviceGetName, (char*, int, int), gpu->name, (int)sizeof gpu->name - 1, device);
    ASK(cuDeviceTotalMem_v2, (size_t*, int), &gpu->memory, device);
    ASK(cuDeviceGetAttribute, (int*, int, int), &gpu->major, 75, device);  // COMPUTE_CAPABILITY_MAJOR
    ASK(cuDeviceGetAttribute, (int*, int, int), &gpu->minor, 76, device);  // COMPUTE_CAPABILITY_MINOR
    d->count++;
  }
#undef ASK
  d->failed = NULL;
  return NULL;
}
