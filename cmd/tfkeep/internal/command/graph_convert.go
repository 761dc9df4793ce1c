package command

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/graphdef"
)

// convertGraph converts a graph file between text and binary, by the name of OUT. done is
// false if IN is not a graph file.
func (c *command) convertGraph(in, out string, force bool) (done bool, err error) {
	format, formatErr := convert.FormatOf(in)
	if formatErr == nil && format != convert.V2 {
		return false, nil
	}
	// A name that no checkpoint has, and that of a meta graph, stand for a graph.
	onlyGraph := formatErr != nil || strings.HasSuffix(strings.ToLower(in), ".meta")
	fi, err := os.Stat(in)
	switch {
	case errors.Is(err, fs.ErrNotExist) && onlyGraph:
		return true, &tfkeep.Error{Op: "convert", Path: filepath.Clean(in), Err: tfkeep.ErrNotFound, Cause: fs.ErrNotExist}
	case err != nil || !fi.Mode().IsRegular():
		return false, nil
	}
	m, err := graphdef.Read(in)
	if errors.Is(err, tfkeep.ErrCorrupt) && !onlyGraph {
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
