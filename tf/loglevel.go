package tf

import "github.com/tfkeep/tfkeep/capi"

// LogLevel is the least severity of what TensorFlow's C++ code writes to
// standard error.
type LogLevel int

// Log levels.
const (
	LogAll      LogLevel = 0
	LogWarnings LogLevel = 1
	LogErrors   LogLevel = 2
	LogNothing  LogLevel = 3
)

// SetLogLevel quiets TensorFlow's C++ code. It works only before the library's
// first message, so call it at the start of main; after a session was opened it
// is an error. The variable TF_CPP_MIN_LOG_LEVEL in the environment does the
// same from outside.
func SetLogLevel(level LogLevel) error { return capi.SetLogLevel(int(level)) }
