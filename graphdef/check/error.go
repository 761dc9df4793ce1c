package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// Fault is one thing that is wrong with a graph.
type Fault struct {
	Collection string // the collection of a meta graph that it is in, or ""
	Function   string // the function whose body it is in, or "" for the graph
	Node       string // the node, or ""
	Detail     string // what is wrong
	kind       error  // tfkeep.ErrCorrupt, tfkeep.ErrUnsupported or tfkeep.ErrTooLarge
}

// IsUnknownOp reports whether the fault is an op that is not known. It may be one of a library
// of custom ops, and the graph sound.
func (f Fault) IsUnknownOp() bool { return errors.Is(f.kind, tfkeep.ErrUnsupported) }

// String returns the fault as one line, in the words of TensorFlow's message if there is
// one.
func (f Fault) String() string {
	var s string
	if f.Function != "" {
		s = fmt.Sprintf("function %q: ", f.Function)
	}
	if f.Collection != "" {
		s = fmt.Sprintf("collection %q: ", f.Collection)
	}
	switch {
	case f.Node == "":
		return s + f.Detail
	case strings.HasPrefix(f.Detail, "is ") || strings.HasPrefix(f.Detail, "expects "):
		return s + fmt.Sprintf("Node '%s' %s", f.Node, f.Detail)
	}
	return s + fmt.Sprintf("Node '%s': %s", f.Node, f.Detail)
}

// Error lists every fault of a graph.
type Error struct {
	Faults []Fault // at least one
}

// Error lists the faults, the first twenty of them in full.
func (e *Error) Error() string {
	const shown = 20
	var b strings.Builder
	fmt.Fprintf(&b, "check graph: %d fault", len(e.Faults))
	if len(e.Faults) != 1 {
		b.WriteByte('s')
	}
	for i, f := range e.Faults {
		if i == shown {
			fmt.Fprintf(&b, "; and %d more", len(e.Faults)-shown)
			break
		}
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep)
		b.WriteString(f.String())
	}
	return b.String()
}

// Unwrap returns the kinds of the faults: tfkeep.ErrUnsupported for unknown ops,
// tfkeep.ErrTooLarge for what exceeds the limits, tfkeep.ErrCorrupt for the others.
func (e *Error) Unwrap() []error {
	var kinds []error
	for _, f := range e.Faults {
		if !slices.Contains(kinds, f.kind) {
			kinds = append(kinds, f.kind)
		}
	}
	return kinds
}
