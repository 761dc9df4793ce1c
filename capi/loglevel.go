package capi

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "loglevel.h"
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"unsafe"
)

// sessionOpened is set before the library is made to do anything that it logs.
var sessionOpened atomic.Bool

// SetLogLevel sets the least severity that TensorFlow's C++ code writes to
// standard error: 0 all, 1 warnings, 2 errors, 3 fatal ones.
//
// A library that logs by Abseil, as those of today do, obeys at any time. An
// older one reads TF_CPP_MIN_LOG_LEVEL at its first message: there the call has
// to come before the first session. What the library writes while it is loaded,
// before main, is out of reach: TensorFlow 2.21 says there, whatever the level,
// that oneDNN is on.
func SetLogLevel(level int) error {
	if level < 0 || level > 3 {
		return errorf(InvalidArgument, "log level %d: there are 0 (all) to 3 (fatal errors only)", level)
	}
	if err := os.Setenv("TF_CPP_MIN_LOG_LEVEL", strconv.Itoa(level)); err != nil {
		return fmt.Errorf("capi: %w", err)
	}
	for _, release := range abseilReleases {
		// void absl::lts_20250814::SetMinLogLevel(absl::LogSeverityAtLeast)
		name := C.CString("_ZN4absl12lts_" + release + "14SetMinLogLevelENS0_18LogSeverityAtLeastE")
		found := C.tfk_set_min_log_level(name, C.int(level))
		C.free(unsafe.Pointer(name))
		if found {
			return nil
		}
	}
	if sessionOpened.Load() {
		return errorf(FailedPrecondition, "this libtensorflow reads its log level once, before the first session: set it at the start of main, or by TF_CPP_MIN_LOG_LEVEL=%d in the environment", level)
	}
	return nil
}

// abseilReleases are the releases of Abseil that log, newest first. Each has
// its name in its symbols.
var abseilReleases = []string{
	"20260526", "20260107", "20250814", "20250512", "20250127", "20240722", "20240116", "20230802",
}
