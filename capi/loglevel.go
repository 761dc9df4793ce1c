package capi

// #cgo LDFLAGS: -ldl
// #include "loglevel.h"
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/tfkeep/tfkeep/status"
)

// mayHaveLogged is set before the library does anything that it logs.
var mayHaveLogged atomic.Bool

// SetLogLevel sets the lowest severity of the messages that TensorFlow's C++ code
// writes to standard error: 0 everything, 1 warnings, 2 errors, 3 fatal errors.
//
// A library that logs with Abseil, as TensorFlow 2.16 and newer do, follows the call at
// any time. An older one reads TF_CPP_MIN_LOG_LEVEL at its first message, so that the
// call must come before the first session or server; after that it returns an error of
// the kind FailedPrecondition. Messages that the library writes while it is loaded,
// before main, cannot be suppressed: TensorFlow 2.21 reports there that oneDNN is on.
func SetLogLevel(level int) error {
	if level < 0 || level > 3 {
		return invalidf("the log level is %d; it must be from 0 (everything) to 3 (fatal errors)", level)
	}
	if err := os.Setenv("TF_CPP_MIN_LOG_LEVEL", strconv.Itoa(level)); err != nil {
		return fmt.Errorf("set the log level: %w", err)
	}
	if C.tfk_set_min_log_level(C.int(level)) {
		return nil
	}
	if mayHaveLogged.Load() {
		return status.Errorf(status.FailedPrecondition, "this libtensorflow reads the log level only once: set it before the first session, or set TF_CPP_MIN_LOG_LEVEL=%d in the environment", level)
	}
	return nil
}
