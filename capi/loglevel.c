#include "loglevel.h"

#include <dlfcn.h>
#include <stddef.h>

bool tfk_set_min_log_level(const char* function, int level) {
  void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, function);
  if (set == NULL) return false;
  set(level);
  return true;
}
