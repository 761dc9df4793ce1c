package tf

import "github.com/tfkeep/tfkeep/capi"

// Revision stands for the state of a graph's nodes and functions. Two that are
// equal say that nothing was changed in between; that they differ says only
// that something may have been.
type Revision struct {
	operations uint64
	functions  int
	edits      uint64
	versions   string
}

// Revision is the graph's state now. It is cheap to ask for, and lets what was
// made of a GraphDef be kept for as long as it is true. Collections don't count:
// what is in them may change without the graph being told.
func (g *Graph) Revision() (Revision, error) {
	versions, err := capi.Versions(g.binding)
	if err != nil {
		return Revision{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sync()
	functions, edits := capi.Changes(g.binding)
	return Revision{
		operations: g.names.pos,
		functions:  functions,
		edits:      edits,
		versions:   string(versions),
	}, nil
}
