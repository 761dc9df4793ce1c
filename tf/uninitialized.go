package tf

import (
	"errors"
	"regexp"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/status"
)

// UninitializedError is the error of a run or a save that read variables without a
// value. It is of the kinds tfkeep.ErrUninitialized and status.FailedPrecondition.
type UninitializedError struct {
	// Variables are the names of the variables; in the error of a save, their keys in
	// the checkpoint. When there are very many, they are the first ones.
	Variables []string
	// Err is TensorFlow's error.
	Err error
}

func (e *UninitializedError) Error() string {
	text := "read the variables: no value: " + strings.Join(e.Variables, ", ") + ": restore a checkpoint that has them, or run their initializers (VariablesInitializer; GlobalVariablesInitializer would also reset what is restored)"
	if len(e.Variables) == 1 && e.Err != nil {
		text += ": " + e.Err.Error() // TensorFlow's message names one variable only
	}
	return text
}

// Unwrap returns tfkeep.ErrUninitialized and TensorFlow's error.
func (e *UninitializedError) Unwrap() []error { return []error{tfkeep.ErrUninitialized, e.Err} }

// uninitialized finds the variable in TensorFlow's messages about variables without a
// value, of resource variables (in older and newer libraries) and reference variables.
// On a cluster, other lines with the name of the task come before it.
var uninitialized = regexp.MustCompile(`(?m)^(?:Could not find variable|Error while reading resource variable|Attempting to use uninitialized value) ([^\s]+?)\.?(?:\s|$)`)

// runError returns the error of a run that failed with err.
func runError(err error) error {
	var e *status.Error
	if errors.As(err, &e) && e.Code == status.FailedPrecondition {
		if m := uninitialized.FindStringSubmatch(e.Message); m != nil {
			return &UninitializedError{Variables: m[1:2], Err: e}
		}
	}
	if errors.Is(err, tfkeep.ErrClosed) {
		return err // it has the operation already
	}
	detail := ""
	if e != nil && strings.Contains(e.Message, "Cannot assign a device for operation") {
		detail = "the graph names a device that this session does not have: import it with ClearDevices, or place its nodes elsewhere"
	}
	return &tfkeep.Error{Op: "run", Detail: detail, Cause: err}
}
