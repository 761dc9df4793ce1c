// A stand-in for NVIDIA's management library, for tests only: it is there, and says that all
// went well. See libcuda.c.
//
//   cc -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 libnvidia-ml.c -o libnvidia-ml.so.1

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
