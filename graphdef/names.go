package graphdef

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// ParseTensorName splits the name of a tensor into node and output: "a:1" into a and
// 1, "a" into a and 0. A name with more than one colon, or without a number after
// it, is a tfkeep.ErrArgument.
func ParseTensorName(name string) (node string, output int, err error) {
	parts := strings.Split(name, ":")
	switch len(parts) {
	case 1:
		return name, 0, nil
	case 2:
		output, err := strconv.Atoi(parts[1])
		if err != nil || output < 0 {
			return "", 0, &tfkeep.Error{Op: "parse tensor name", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(
				"Cannot convert '%s' to a tensor name. Second component of the name following the `:` should be an int. Got %s.", name, parts[1])}
		}
		return parts[0], output, nil
	}
	return "", 0, &tfkeep.Error{Op: "parse tensor name", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(
		"Cannot convert '%s' to a tensor name. Tensor names should not contain more than 1 `:`. Obtained %d", name, len(parts)-1)}
}
