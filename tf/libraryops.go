package tf

import (
	"fmt"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/tf/status"
)

var opsInUse struct {
	sync.Mutex
	ops *opdef.Set
}

// libraryOps gives the op definitions of the TensorFlow library in use. They
// are read once, and again when def has ops that were not among them: a
// library of custom ops may have been loaded since.
func libraryOps(def *graphdef.GraphDef) (*opdef.Set, error) {
	opsInUse.Lock()
	defer opsInUse.Unlock()
	if opsInUse.ops != nil && len(opdef.Unknown(def, opsInUse.ops)) == 0 {
		return opsInUse.ops, nil
	}
	list, err := capi.AllOpList()
	if err != nil {
		return nil, err
	}
	ops, err := opdef.Parse(list)
	if err != nil {
		return nil, err
	}
	opsInUse.ops = ops
	return ops, nil
}

// UnknownOpsError reports ops that the TensorFlow library in use lacks.
type UnknownOpsError struct {
	Ops    []string // their names, sorted
	Writer string   // the TensorFlow version that wrote the graph, or ""
}

func (e *UnknownOpsError) Error() string {
	by := ""
	if e.Writer != "" {
		by = fmt.Sprintf(", which TensorFlow %s wrote,", e.Writer)
	}
	return fmt.Sprintf("import graph: the graph%s uses ops that this TensorFlow %s does not know: %s; a library of custom ops may have to be loaded first, or the part of the graph that needs them cut off (edit.Extract)",
		by, Version(), strings.Join(e.Ops, ", "))
}

// Unwrap makes the error both ErrNotFound and tfkeep.ErrUnsupported.
func (e *UnknownOpsError) Unwrap() []error { return []error{status.NotFound, tfkeep.ErrUnsupported} }

func unknownOps(names []string, writer string) error {
	return &UnknownOpsError{Ops: names, Writer: writer}
}
