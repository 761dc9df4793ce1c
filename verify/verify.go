package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// Kind says what an [Item] is.
type Kind string

// The kinds, as they are printed.
const (
	Checkpoint Kind = "checkpoint"
	StateFile  Kind = "state file"
	MetaGraph  Kind = "meta graph"
	SavedModel Kind = "SavedModel"
	Graph      Kind = "graph"
	Leftover   Kind = "leftover"
)

// Item is one thing that was looked at.
type Item struct {
	Path string
	Kind Kind
	// Version, Tensors and Bytes describe a checkpoint, Nodes a graph or the
	// graphs of a SavedModel.
	Version checkpoint.Version
	Tensors int
	Bytes   int64
	Nodes   int
	// Faults are all that was found, none if all is well.
	Faults []checkpoint.Fault
}

// OK tells that there is no fault but harmless ones.
func (i *Item) OK() bool {
	return (&checkpoint.Report{Faults: i.Faults}).OK()
}

func (i *Item) fault(err error) {
	i.Faults = append(i.Faults, checkpoint.Fault{Err: err, Offset: -1})
}

func (i *Item) harmless(err error) {
	i.Faults = append(i.Faults, checkpoint.Fault{Err: err, Harmless: true, Offset: -1})
}

// Options tunes [Path]. The zero value, or nil, is the right default.
type Options struct {
	// Workers bounds the tensors that are read at once; 0 is one a core.
	Workers int
	// Progress, if not nil, is called with the bytes that were read.
	Progress func(bytes int64)
}

// ErrNothing reports that there is nothing at a path that could be verified.
var ErrNothing = errors.New("nothing to verify")

// Path looks at what there is at a path and hands every item to visit when it
// is done with it. The error is visit's, the context's, or that there is
// nothing there: faults are not errors.
func Path(ctx context.Context, path string, o *Options, visit func(*Item) error) error {
	r := &run{ctx: ctx, visit: visit}
	if o != nil {
		r.opts = *o
	}
	path = filepath.Clean(path)
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir() && modeldir.IsSavedModel(path):
		return r.savedModel(path)
	case err == nil && st.IsDir() && !isFile(filenames.Index(path)):
		return r.directory(path)
	case err == nil && isGraphFile(path):
		return r.graphFile(path)
	}
	return r.checkpointAt(path)
}

// run is one call of [Path].
type run struct {
	ctx   context.Context
	opts  Options
	visit func(*Item) error
}

// checkpointAt looks at a checkpoint and its meta graph.
func (r *run) checkpointAt(path string) error {
	item, err := r.values(path)
	if errors.Is(err, tfkeep.ErrNotFound) {
		return fmt.Errorf("verify: %s: %w: there is no checkpoint, no directory and no SavedModel of that name", path, ErrNothing)
	}
	if err != nil {
		return err
	}
	if err := r.visit(item); err != nil {
		return err
	}
	meta := dir.MetaGraphPath(item.Path, "meta")
	if _, err := os.Stat(meta); err != nil {
		return nil
	}
	return r.metaGraph(meta, item.Path)
}

// values looks at a checkpoint alone.
func (r *run) values(path string) (*Item, error) {
	report, err := checkpoint.Verify(r.ctx, path, &checkpoint.VerifyOptions{Workers: r.opts.Workers, Progress: r.opts.Progress})
	if err != nil {
		return nil, err
	}
	return &Item{
		Path: report.Prefix, Kind: Checkpoint, Version: report.Version,
		Tensors: report.Tensors, Bytes: report.Bytes, Faults: report.Faults,
	}, nil
}

// metaGraph looks at the meta graph of a checkpoint, "" for one by itself.
func (r *run) metaGraph(path, prefix string) error {
	item := &Item{Path: path, Kind: MetaGraph}
	mg, err := graphdef.ReadMetaGraphDef(path, nil)
	if err != nil {
		item.fault(err)
		return r.visit(item)
	}
	checkMetaGraph(r.ctx, item, mg, prefix)
	return r.visit(item)
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.IsDir()
}

func isGraphFile(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pb", ".pbtxt", ".meta":
		return !isFile(filenames.Index(strings.TrimSuffix(path, filepath.Ext(path))))
	}
	return false
}

// graphFile looks at a graph that is in no SavedModel.
func (r *run) graphFile(path string) error {
	item := &Item{Path: path, Kind: Graph}
	message, err := graphdef.Read(path)
	if err != nil {
		item.fault(err)
		return r.visit(item)
	}
	switch m := message.(type) {
	case *graphdef.GraphDef:
		checkGraph(item, m, "")
	case *graphdef.MetaGraphDef:
		item.Kind = MetaGraph
		checkMetaGraph(r.ctx, item, m, "")
	case *graphdef.SavedModel:
		return r.savedModel(filepath.Dir(path))
	}
	return r.visit(item)
}
