package tf

import (
	"log/slog"

	"github.com/tfkeep/tfkeep/capi"
)

// SetLogLevel sets the lowest level of the messages that TensorFlow's C++ code writes to
// standard error. Above slog.LevelError only fatal errors are written.
//
// With libtensorflow 2.16 and newer it works at any time. An older library reads the level
// once; after the first session, SetLogLevel returns an error of the kind
// status.FailedPrecondition. The environment variable TF_CPP_MIN_LOG_LEVEL has the same
// effect. Neither suppresses what the library writes while it is loaded, before main:
// TensorFlow 2.21 reports there that oneDNN is on. TF_ENABLE_ONEDNN_OPTS=0 suppresses that
// message, and turns oneDNN off.
func SetLogLevel(level slog.Level) error {
	switch {
	case level <= slog.LevelInfo:
		return capi.SetLogLevel(0)
	case level <= slog.LevelWarn:
		return capi.SetLogLevel(1)
	case level <= slog.LevelError:
		return capi.SetLogLevel(2)
	}
	return capi.SetLogLevel(3)
}
