package tf

import (
	"fmt"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/status"
)

// opsOfLibrary caches the op definitions of the TensorFlow library.
var opsOfLibrary struct {
	sync.Mutex
	ops *opdef.Set
}

// libraryOps returns the op definitions of the TensorFlow library. It reads them once, and
// again if def has an op that was not among them, because a library of custom ops may
// have been loaded.
func libraryOps(def *graphdef.GraphDef) (*opdef.Set, error) {
	opsOfLibrary.Lock()
	defer opsOfLibrary.Unlock()
	if opsOfLibrary.ops != nil && len(opdef.Unknown(def, opsOfLibrary.ops)) == 0 {
		return opsOfLibrary.ops, nil
	}
	list, err := capi.AllOpList()
	if err != nil {
		return nil, err
	}
	ops, err := opdef.Parse(list)
	if err != nil {
		return nil, err
	}
	opsOfLibrary.ops = ops
	return ops, nil
}

// UnknownOpsError lists the ops of a graph that the TensorFlow library lacks. It is of the
// kinds status.NotFound and tfkeep.ErrUnsupported.
type UnknownOpsError struct {
	Ops    []string // their names, sorted
	Writer string   // the TensorFlow version that wrote the graph, or ""
}

func (e *UnknownOpsError) Error() string {
	writer := ""
	if e.Writer != "" {
		writer = fmt.Sprintf(" (written by TensorFlow %s)", e.Writer)
	}
	return fmt.Sprintf("the graph%s has ops that TensorFlow %s does not have: %s; load the library of custom ops that defines them (tf.LoadLibrary; --op_library of tfkeep-run), or remove the part of the graph that needs them (edit.Extract)",
		writer, Version(), strings.Join(e.Ops, ", "))
}

// Unwrap returns the kinds of the error.
func (e *UnknownOpsError) Unwrap() []error { return []error{status.NotFound, tfkeep.ErrUnsupported} }

// explainUnknownOp returns the error of an operation that could not be added: an
// *UnknownOpsError if the library lacks its op.
func explainUnknownOp(typ string, err error) error {
	ops, listErr := libraryOps(&graphdef.GraphDef{Node: []*graphdef.NodeDef{{Op: typ}}})
	if listErr != nil || ops.Get(typ) != nil {
		return err
	}
	return &UnknownOpsError{Ops: []string{typ}}
}
