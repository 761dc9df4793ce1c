#ifndef TFKEEP_LOGLEVEL_H_
#define TFKEEP_LOGLEVEL_H_

#include <stdbool.h>

// tfk_set_min_log_level calls the function of the given name, Abseil's
// SetMinLogLevel, if the library has it.
bool tfk_set_min_log_level(const char* function, int level);

#endif  // TFKEEP_LOGLEVEL_H_
