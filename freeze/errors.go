package freeze

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of failure, for errors.Is.
var (
	// ErrNoOutputs: no output node was named, and none is the obvious one.
	ErrNoOutputs = errors.New("freeze: no output nodes named")
	// ErrUnknownNode: an output, input or initializer node is not in the graph.
	ErrUnknownNode = errors.New("freeze: no such node in the graph")
	// ErrNoVariables: the graph has no variables, so it is most likely frozen already.
	ErrNoVariables = errors.New("freeze: no variables were found in this model")
	// ErrMissingValues: the checkpoint lacks a value that the graph needs, or
	// has it with another type or shape.
	ErrMissingValues = errors.New("freeze: the checkpoint does not fit the graph")
	// ErrUnsupported: the graph uses a variable in a way that has no meaning once it is constant.
	ErrUnsupported = errors.New("freeze: cannot be frozen")
	// ErrTooLarge: the frozen graph would exceed the 2 GiB that a protobuf message may have.
	ErrTooLarge = errors.New("freeze: the frozen graph would be larger than 2 GiB")
	// ErrBadGraph: the graph contradicts itself (an input that names no node, a function that calls itself).
	ErrBadGraph = errors.New("freeze: malformed graph")
)

// NodeError places a failure at a node.
type NodeError struct {
	Node string // name of the node
	Op   string // its operation, "" if not known
	Func string // the library function that holds it, "" for the graph itself
	Err  error  // the kind: one of the sentinels of this package
	Text string // what is wrong, and the remedy
}

func (e *NodeError) Error() string {
	var b strings.Builder
	b.WriteString(e.Err.Error())
	fmt.Fprintf(&b, ": node %q", e.Node)
	if e.Op != "" {
		fmt.Fprintf(&b, " (%s)", e.Op)
	}
	if e.Func != "" {
		fmt.Fprintf(&b, " of function %q", e.Func)
	}
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	}
	return b.String()
}

func (e *NodeError) Unwrap() error { return e.Err }

// ValuesError lists every variable whose value is missing or does not fit;
// its kind is [ErrMissingValues].
type ValuesError struct {
	Source   string   // where the values come from, for people
	Missing  []string // variables without a value, with the key that was looked for
	Mismatch []string // variables whose value has another type or shape: what, wanted, found
}

func (e *ValuesError) Error() string {
	var b strings.Builder
	b.WriteString(ErrMissingValues.Error())
	if e.Source != "" {
		b.WriteString(" (" + e.Source + ")")
	}
	if n := len(e.Missing); n > 0 {
		fmt.Fprintf(&b, ": %d without a value: %s", n, strings.Join(e.Missing, ", "))
	}
	if n := len(e.Mismatch); n > 0 {
		fmt.Fprintf(&b, ": %d that differ: %s", n, strings.Join(e.Mismatch, "; "))
	}
	return b.String()
}

func (e *ValuesError) Unwrap() error { return ErrMissingValues }
