package tf

import (
	"errors"
	"fmt"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
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

// explainTypes completes the error of an operation that could not be added. If a constant and
// another input have different types of numbers, it says which type Go's constants have.
func explainTypes(spec OpSpec, err error) error {
	constant, other := "", ""
	for o := range inputOutputs(spec.Input) {
		if capi.CheckOutput(o) != nil { // that is the error
			continue
		}
		switch dt := dtype.DataType(o.DataType()); {
		case o.Op.Type() == "Const" && dt == dtype.Float64:
			constant = o.Op.Name()
		case dtype.IsFloat(dt) && dt != dtype.Float64, dtype.IsInteger(dt):
			other = dtype.Name(dt)
		}
	}
	if constant == "" || other == "" {
		return err
	}
	return fmt.Errorf("%w; the constant %q is a float64, as 0.5 is in Go, and another input is %s: write float32(0.5) or int32(2), or convert with op.Cast", err, constant, other)
}
