package command

import (
	"errors"
	"os"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/graphdef"
)

// convertGraph converts a graph file between text and binary, by the name of OUT. done is
// false if IN is not a graph file.
func (c *command) convertGraph(in, out string, force bool) (done bool, err error) {
	if fi, err := os.Stat(in); err != nil || !fi.Mode().IsRegular() {
		return false, nil
	}
	if format, err := convert.FormatOf(in); err == nil && (format == convert.NPZ || format == convert.SafeTensors) {
		return false, nil
	}
	m, err := graphdef.Read(in)
	if errors.Is(err, tfkeep.ErrCorrupt) {
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
