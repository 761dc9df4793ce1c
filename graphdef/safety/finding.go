package safety

import (
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// Finding is a node that is refused.
type Finding struct {
	Stage    string // what runs it: "import", "restore", "initialization", "signature NAME"
	Function string // the library function that has the node, "" for the graph
	Node, Op string
	Reason   string // why it is refused: "it reads, writes or lists files"
}

// String describes a finding in one line, without its stage.
func (f Finding) String() string {
	where := f.Node
	if f.Function != "" {
		where += " of function " + f.Function
	}
	return fmt.Sprintf("%s (%s): %s", where, f.Op, f.Reason)
}

// Error lists what is refused. It is a tfkeep.ErrUnsafe.
type Error struct {
	Doing    string // "initializing the model"
	Findings []Finding
}

// Error names the refused nodes, the first ten of them.
func (e *Error) Error() string {
	const shown = 10
	var list []string
	for i, f := range e.Findings {
		if i == shown {
			list = append(list, fmt.Sprintf("and %d more", len(e.Findings)-shown))
			break
		}
		list = append(list, f.String())
	}
	return fmt.Sprintf("%s would run what is refused: %s; name these ops in AllowOps if you trust the graph", e.Doing, strings.Join(list, "; "))
}

// Unwrap returns tfkeep.ErrUnsafe.
func (e *Error) Unwrap() error { return tfkeep.ErrUnsafe }
