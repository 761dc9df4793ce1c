package main

import (
	"errors"
	"os"

	"github.com/tfkeep/tfkeep/graphdef"
)

// convertGraph converts a graph file between text and binary, by the name of
// OUT. It is done = false where IN is no graph file.
func (c *command) convertGraph(in, out string, force bool) (done bool, err error) {
	if fi, err := os.Stat(in); err != nil || !fi.Mode().IsRegular() {
		return false, nil
	}
	m, _, err := graphdef.Read(in)
	if errors.Is(err, graphdef.ErrCorrupt) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	nodes := 0
	for _, g := range graphsOf(m) {
		nodes += len(g.GetNode())
	}
	return true, c.writeGraph(out, m, &output{force: force}, nodes, nodes)
}
