package freeze

import (
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
)

// nodeError places an error at a node of a body.
func nodeError(b *body, n *graphdef.NodeDef, kind error, format string, args ...any) error {
	var where []string
	if n.GetOp() != "" {
		where = append(where, "operation "+n.GetOp())
	}
	if name := b.funcName(); name != "" {
		where = append(where, "function "+name)
	}
	detail := fmt.Sprintf(format, args...)
	if len(where) > 0 {
		detail = strings.Join(where, " in ") + ": " + detail
	}
	return &tfkeep.Error{Op: "freeze", Item: "node", Name: n.GetName(), Err: kind, Detail: detail}
}

// ValuesError lists every variable whose value is missing or does not fit. It is a
// tfkeep.ErrNotFound if a value is missing, a tfkeep.ErrMismatch if one does not fit, and a
// tfkeep.ErrUnsupported if it is not clear which one is meant.
type ValuesError struct {
	Source   string   // where the values come from, for people; may be empty
	Missing  []string // variables without a value, with the key that was looked for
	Mismatch []string // variables whose value has another type or shape: what, wanted, found
	Unclear  []string // variables whose key is not known, or that have several with different values: why
	Unread   []string // restore nodes whose keys cannot be read from the graph, which may explain the rest
}

// Error returns one line that names all variables.
func (e *ValuesError) Error() string {
	var b strings.Builder
	b.WriteString("freeze")
	if e.Source != "" {
		b.WriteString(" " + e.Source)
	}
	b.WriteString(": the values do not fit the graph")
	if n := len(e.Missing); n > 0 {
		fmt.Fprintf(&b, ": %d without a value: %s", n, strings.Join(e.Missing, ", "))
	}
	if n := len(e.Mismatch); n > 0 {
		fmt.Fprintf(&b, ": %d that differ: %s", n, strings.Join(e.Mismatch, "; "))
	}
	if n := len(e.Unclear); n > 0 {
		fmt.Fprintf(&b, ": %d whose value is not clear: %s", n, strings.Join(e.Unclear, "; "))
	}
	if len(e.Unread) > 0 {
		fmt.Fprintf(&b, " (the keys of %s cannot be read from the graph)", strings.Join(e.Unread, ", "))
	}
	return b.String()
}

// Unwrap returns the kinds.
func (e *ValuesError) Unwrap() []error {
	var kinds []error
	if len(e.Missing) > 0 {
		kinds = append(kinds, tfkeep.ErrNotFound)
	}
	if len(e.Mismatch) > 0 {
		kinds = append(kinds, tfkeep.ErrMismatch)
	}
	if len(e.Unclear) > 0 {
		kinds = append(kinds, tfkeep.ErrUnsupported)
	}
	return kinds
}

func (e *ValuesError) add(p *problem) {
	switch {
	case p.missing:
		e.Missing = append(e.Missing, p.text)
	case p.unclear:
		e.Unclear = append(e.Unclear, p.text)
	default:
		e.Mismatch = append(e.Mismatch, p.text)
	}
}
