#ifndef TFKEEP_LOGLEVEL_H_
#define TFKEEP_LOGLEVEL_H_

#include <stdbool.h>

// tfk_set_min_log_level calls Abseil's SetMinLogLevel. It returns false if no
// loaded library exports that function.
bool tfk_set_min_log_level(int level);

#endif  // TFKEEP_LOGLEVEL_H_
