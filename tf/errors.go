package tf

import (
	"errors"

	"github.com/tfkeep/tfkeep/status"
)

func invalidf(format string, args ...any) *status.Error {
	return status.Errorf(status.InvalidArgument, format, args...)
}

// message returns err's text without the name of its status code.
func message(err error) string {
	var e *status.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
