// A stand-in for NVIDIA's driver, for tests only: as many GPUs as STUB_GPUS says, 1 when it
// is not set, on which nothing can run. STUB_CUINIT is what cuInit returns.
//
//   cc -shared -fPIC -Wl,-soname,libcuda.so.1 libcuda.c -o libcuda.so.1

#include <stdio.h>
#include <stdlib.h>

static int number(const char* variable, int otherwise) {
  const char* value = getenv(variable);
  return value != NULL ? atoi(value) : otherwise;
}

int cuInit(unsigned flags) { return number("STUB_CUINIT", 0); }
int cuDriverGetVersion(int* version) { return *version = 12090, 0; }
int cuDeviceGetCount(int* count) { return *count = number("STUB_GPUS", 1), 0; }
int cuDeviceGet(int* device, int ordinal) { return *device = ordinal, 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int device) { return *bytes = (size_t)(80 + device) << 30, 0; }

int cuDeviceGetName(char* name, int length, int device) {
  snprintf(name, length, "Stub GPU %d", device);
  return 0;
}

int cuDeviceGetPCIBusId(char* id, int length, int device) {
  snprintf(id, length, "0000:00:%02x.0", device + 4);
  return 0;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  switch (attribute) {
    case 75: *value = number("STUB_CAPABILITY", 80) / 10; return 0;
    case 76: *value = number("STUB_CAPABILITY", 80) % 10; return 0;
  }
  *value = 1;
  return 0;
}

int cuGetErrorName(int result, const char** name) {
  switch (result) {
    case 100: *name = "CUDA_ERROR_NO_DEVICE"; return 0;
    case 803: *name = "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"; return 0;
  }
  *name = NULL;
  return 1;
}
