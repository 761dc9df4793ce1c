package verify

import "github.com/tfkeep/tfkeep/checkpoint"

// Kind is what a [Report] is about.
type Kind string

// The kinds.
const (
	Checkpoint Kind = "checkpoint"
	StateFile  Kind = "state file"
	MetaGraph  Kind = "meta graph"
	SavedModel Kind = "SavedModel"
	Graph      Kind = "graph"
	Leftover   Kind = "leftover"
)

// Report describes what was found about one thing.
type Report struct {
	Path string
	Kind Kind
	// Version, Tensors and Bytes describe a checkpoint.
	Version checkpoint.Version
	Tensors int
	Bytes   int64
	// Nodes is the number of nodes of a graph, or of all graphs of a SavedModel.
	Nodes int
	// Faults are all faults that were found. There are none if all is well.
	Faults []checkpoint.Fault
}

// OK reports whether there are no faults, or only harmless ones.
func (r *Report) OK() bool {
	return (&checkpoint.Report{Faults: r.Faults}).OK()
}

func (r *Report) fault(err error) {
	r.Faults = append(r.Faults, checkpoint.Fault{Err: err, Offset: -1})
}

func (r *Report) note(err error) {
	r.Faults = append(r.Faults, checkpoint.Fault{Err: err, Harmless: true, Offset: -1})
}
