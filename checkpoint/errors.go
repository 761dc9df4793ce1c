package checkpoint

import (
	"errors"
	"fmt"

	"github.com/tfkeep/tfkeep"
)

// offsetError is an error at a known place in a file.
type offsetError struct {
	err    *tfkeep.Error
	offset int64
}

func (e *offsetError) Error() string { return e.err.Error() }

func (e *offsetError) Unwrap() error { return e.err }

// atOffset adds a byte offset to the detail of an error; a negative one is unknown.
func atOffset(offset int64, e *tfkeep.Error) error {
	if offset < 0 {
		return e
	}
	detail := fmt.Sprintf("offset %d", offset)
	if e.Detail != "" {
		detail += ": " + e.Detail
	}
	e.Detail = detail
	return &offsetError{e, offset}
}

// missingShardsError reports that some of the files of a V1 checkpoint do not exist.
type missingShardsError struct{ err *tfkeep.Error }

func (e *missingShardsError) Error() string { return e.err.Error() }

func (e *missingShardsError) Unwrap() error { return e.err }

// offsetOf returns the byte offset of an error; -1 if it has none.
func offsetOf(err error) int64 {
	var e *offsetError
	if errors.As(err, &e) {
		return e.offset
	}
	return -1
}
