package tf

import (
	"fmt"

	"github.com/tfkeep/tfkeep/capi"
)

// Revision returns a text that changes with the graph's nodes and functions. If two
// revisions of a graph are equal, its GraphDef did not change in between. If they differ
// it may have changed. Collections have no effect on it. It is fast, also for large
// graphs.
func (g *Graph) Revision() (string, error) {
	if err := g.givenUp(); err != nil {
		return "", err
	}
	versions, err := capi.Versions(g.binding)
	if err != nil {
		return "", err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sync()
	functions, edits := capi.Changes(g.binding)
	return fmt.Sprintf("%d %d %d %x", g.names.pos, functions, edits, versions), nil
}
