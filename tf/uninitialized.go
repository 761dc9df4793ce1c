package tf

import (
	"errors"
	"regexp"
	"strconv"

	"github.com/tfkeep/tfkeep/tf/status"
)

// UninitializedError is the error of a run that read a variable without a
// value. It unwraps to TensorFlow's *Error, of the kind ErrFailedPrecondition.
type UninitializedError struct {
	Variable string // its name
	Err      *Error
}

func (e *UninitializedError) Error() string {
	return "tf: variable " + strconv.Quote(e.Variable) + " has no value: run its initializer (GlobalVariablesInitializer) or restore a checkpoint first: " + e.Err.Message
}

func (e *UninitializedError) Unwrap() error { return e.Err }

// uninitialized finds the variable in TensorFlow's messages about one without a
// value: of resource variables, by old and new libraries, and of references. On a
// cluster other lines say before it which task it comes from.
var uninitialized = regexp.MustCompile(`(?m)^(?:Could not find variable|Error while reading resource variable|Attempting to use uninitialized value) ([^\s]+?)\.?(?:\s|$)`)

// explain says what to do about an error that users meet often.
func explain(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Code != status.FailedPrecondition {
		return err
	}
	if m := uninitialized.FindStringSubmatch(e.Message); m != nil {
		return &UninitializedError{Variable: m[1], Err: e}
	}
	return err
}
