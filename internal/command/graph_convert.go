package command

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/graphdef"
)

// convertGraph converts a graph file between text and binary, by the name of
// OUT. It is done = false where IN is no graph file.
func (c *command) convertGraph(in, out string, force bool) (done bool, err error) {
	if fi, err := os.Stat(in); err != nil || !fi.Mode().IsRegular() || holdsTensors(in) {
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

// tableMagic ends every table: the index of a checkpoint, or one of V1.
const tableMagic = 0xdb4775248b80fb57

// holdsTensors tells a file that cannot be a graph by its name or its last
// bytes: unlike a graph it may be too large to be read whole.
func holdsTensors(path string) bool {
	if format, err := convert.FormatOf(path); err == nil && (format == convert.NPZ || format == convert.SafeTensors) {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var tail [8]byte
	if _, err := f.Seek(-int64(len(tail)), io.SeekEnd); err != nil {
		return false
	}
	_, err = io.ReadFull(f, tail[:])
	return err == nil && binary.LittleEndian.Uint64(tail[:]) == tableMagic
}
