#define _GNU_SOURCE
#include "gpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// copy_message copies the loader's message, which the loader's next call overwrites.
static char* copy_message(void) {
  const char* message = dlerror();
  return strdup(message != NULL ? message : "unknown error");
}

// tensorflow_library returns the library from which TensorFlow opens others. The
// system's loader searches the path that is written into it, not the program's.
static void* tensorflow_library(void) {
  void* framework = dlopen("libtensorflow_framework.so.2", RTLD_LAZY | RTLD_NOLOAD);
  if (framework != NULL) return framework;
  Dl_info info;
  if (dladdr((void*)TF_Version, &info) == 0 || info.dli_fname == NULL) return NULL;
  return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
}

#ifdef __GLIBC__

// open_along opens name in the first folder of library's search path that has it. It
// returns whether a folder has it, and sets *error if it cannot be opened.
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
        if (*handle == NULL) *error = copy_message();
      }
      free(file);
    }
  }
  free(path);
  return found;
}

#else  // other C libraries have no function for a library's search path

static int open_along(void* library, const char* name, void** handle, char** error) { return 0; }

#endif

// open_library opens a library as tfk_open_library does, and keeps it open.
static void* open_library(const char* name, char** error) {
  void* handle = NULL;
  *error = NULL;
  void* from = tensorflow_library();
  int found = from != NULL && open_along(from, name, &handle, error);
  if (from != NULL) dlclose(from);
  if (found) return handle;
  // The rest of the search, the loader's cache, does not depend on the library.
  handle = dlopen(name, RTLD_LAZY);
  if (handle == NULL) *error = copy_message();
  return handle;
}

char* tfk_open_library(const char* name) {
  char* error;
  void* handle = open_library(name, &error);
  if (handle != NULL) dlclose(handle);
  return error;
}

char* tfk_read_driver(tfk_driver* d) {
  memset(d, 0, sizeof *d);
  char* error;
  // It stays open, because the driver must not be unloaded.
  void* cuda = open_library("libcuda.so.1", &error);
  if (cuda == NULL) return error;

  int (*error_name)(int, const char**) = (int (*)(int, const char**))dlsym(cuda, "cuGetErrorName");
#define CALL(function, parameters, ...)                                     \
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

  CALL(cuDriverGetVersion, (int*), &d->version);
  CALL(cuInit, (unsigned), 0);
  int count = 0;
  CALL(cuDeviceGetCount, (int*), &count);
  for (int i = 0; i < count && i < TFK_MAX_GPUS; i++) {
    tfk_gpu* gpu = &d->gpus[i];
    int device = 0;
    CALL(cuDeviceGet, (int*, int), &device, i);
    CALL(cuDeviceGetName, (char*, int, int), gpu->name, (int)sizeof gpu->name - 1, device);
    CALL(cuDeviceTotalMem_v2, (size_t*, int), &gpu->memory, device);
    CALL(cuDeviceGetAttribute, (int*, int, int), &gpu->major, 75, device);  // COMPUTE_CAPABILITY_MAJOR
    CALL(cuDeviceGetAttribute, (int*, int, int), &gpu->minor, 76, device);  // COMPUTE_CAPABILITY_MINOR
    d->count++;
  }
#undef CALL
  d->failed = NULL;
  return NULL;
}
