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

// SetLogLevel quiets TensorFlow's C++ code. With libtensorflow 2.16 and newer it
// works at any time; an older library reads the level once, and a call after the
// first session is an error. TF_CPP_MIN_LOG_LEVEL in the environment does the
// same from outside. One thing neither reaches: while it is loaded, before main,
// TensorFlow 2.21 writes that oneDNN is on; TF_ENABLE_ONEDNN_OPTS=0 stops that
// line, and oneDNN with it.
func SetLogLevel(level LogLevel) error { return capi.SetLogLevel(int(level)) }
