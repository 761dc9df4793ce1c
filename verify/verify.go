package verify

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Options configures [Path]. Nil and the zero value are the defaults.
type Options struct {
	// Workers is the number of tensors that are read at once. 0 means one for each
	// processor.
	Workers int
	// Progress, if not nil, is called with the bytes of values that were read so far
	// and the bytes of all values, from one goroutine at a time.
	Progress func(done, total int64)
	// Limits bound what a graph may ask of the process that imports it. Nil means the
	// defaults.
	Limits *check.Limits
}

// Path checks what is at a path and yields a report for each checkpoint, graph or
// SavedModel when its check is complete. Faults are in the reports. An error ends the
// sequence: that of the context, one of the operating system, or a tfkeep.ErrNotFound if
// there is nothing to verify at the path.
func Path(ctx context.Context, path string, o *Options) iter.Seq2[*Report, error] {
	return func(yield func(*Report, error) bool) {
		if err := argcheck.Context(ctx, "verify", path); err != nil {
			yield(nil, err)
			return
		}
		r := &run{ctx: ctx, yield: yield}
		if o != nil {
			r.opts = *o
		}
		r.path(filepath.Clean(path))
	}
}

// run is one walk over a path. Its methods return false when the walk has ended, because
// of an error or because the caller stopped it.
type run struct {
	ctx     context.Context
	opts    Options
	yield   func(*Report, error) bool
	reports int
	done    int64 // bytes of values that were read
	total   int64
}

func (r *run) report(report *Report) bool {
	r.reports++
	return r.yield(report, nil)
}

func (r *run) fail(err error) bool {
	r.yield(nil, err)
	return false
}

// nothing ends the walk because there is nothing to verify.
func (r *run) nothing(path, why string) bool {
	return r.fail(&tfkeep.Error{Op: "verify", Path: path, Err: tfkeep.ErrNotFound, Detail: why})
}

func (r *run) path(path string) bool {
	r.total = valueBytes(path)
	info, err := os.Stat(path)
	exists := err == nil
	switch {
	case exists && info.IsDir() && modeldir.IsSavedModel(path):
		return r.savedModel(path)
	case exists && info.IsDir() && !isFile(filenames.Index(path)):
		return r.directory(path)
	case exists && isGraphFile(path):
		return r.graphFile(path)
	case exists && r.isStateFile(path):
		return r.stateAlone(path)
	}
	if !r.checkpoint(path) {
		return false
	}
	if r.reports == 0 {
		return r.nothing(path, "there is no checkpoint, no directory and no SavedModel of that name")
	}
	return true
}

// valueBytes estimates how many bytes of values there are at a path: the sizes of the
// data files of a checkpoint, a directory or SavedModels.
func valueBytes(path string) int64 {
	total := dataBytes(filepath.Dir(path), filepath.Base(path)) + dataBytes(path, "") + dataBytes(filepath.Dir(filenames.SavedModelPrefix(path)), "")
	versions, _ := vfs.OS.ReadDir(path)
	for _, version := range versions {
		if version.IsDir() {
			total += dataBytes(filepath.Dir(filenames.SavedModelPrefix(filepath.Join(path, version.Name()))), "")
		}
	}
	return total
}

// dataBytes adds up the sizes of the data files in a folder: those of one checkpoint, or, if
// prefix is "", of all.
func dataBytes(folder, prefix string) int64 {
	entries, _ := vfs.OS.ReadDir(folder)
	var total int64
	for _, e := range entries {
		of, _, _, ok := filenames.ParseData(e.Name())
		if !ok || prefix != "" && of != prefix {
			continue
		}
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
	}
	return total
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// isGraphFile reports whether a file has the name of a graph file that does not belong to
// a checkpoint.
func isGraphFile(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pb", ".pbtxt", ".meta":
		return !isFile(filenames.Index(strings.TrimSuffix(path, filepath.Ext(path))))
	}
	return false
}

// checkpoint checks a checkpoint and its meta graph, if they exist.
func (r *run) checkpoint(path string) bool {
	report, err := r.values(path)
	if errors.Is(err, tfkeep.ErrNotFound) {
		return true
	}
	if err != nil {
		return r.fail(err)
	}
	if !r.report(report) {
		return false
	}
	if meta := dir.MetaGraphPath(report.Path, ""); isFile(meta) {
		return r.metaGraph(meta, report.Path)
	}
	return true
}

// values checks a checkpoint without its meta graph.
func (r *run) values(path string) (*Report, error) {
	o := &checkpoint.VerifyOptions{Workers: r.opts.Workers}
	if r.opts.Progress != nil {
		before := r.done
		o.Progress = func(done, _ int64) {
			r.done = before + done
			r.total = max(r.total, r.done)
			r.opts.Progress(r.done, r.total)
		}
	}
	found, err := checkpoint.Verify(r.ctx, path, o)
	if err != nil {
		return nil, err
	}
	return &Report{
		Path: found.Prefix, Kind: Checkpoint, Version: found.Version,
		Tensors: found.Tensors, Bytes: found.Bytes, Faults: found.Faults,
	}, nil
}

// metaGraph checks the meta graph of a checkpoint with the given prefix.
func (r *run) metaGraph(path, prefix string) bool {
	report := &Report{Path: path, Kind: MetaGraph}
	mg, err := graphdef.ReadMetaGraphDef(path, nil)
	if err != nil {
		report.fault(err)
		return r.report(report)
	}
	c := &graphChecker{Report: report, limits: r.opts.Limits}
	c.metaGraph(mg)
	c.restores(r.ctx, mg, prefix)
	return r.report(report)
}

// graphFile checks a graph that belongs to no SavedModel and no checkpoint.
func (r *run) graphFile(path string) bool {
	report := &Report{Path: path, Kind: Graph}
	message, err := graphdef.Read(path)
	if err != nil {
		report.fault(err)
		return r.report(report)
	}
	c := &graphChecker{Report: report, limits: r.opts.Limits}
	switch m := message.(type) {
	case *graphdef.GraphDef:
		c.graph(m, check.Graph(m, &check.Options{Limits: r.opts.Limits}))
	case *graphdef.MetaGraphDef:
		report.Kind = MetaGraph
		c.metaGraph(m)
	case *graphdef.SavedModel:
		if modeldir.IsSavedModel(filepath.Dir(path)) && strings.HasPrefix(filepath.Base(path), "saved_model.") {
			return r.savedModel(filepath.Dir(path))
		}
		if len(m.GetMetaGraphs()) == 0 {
			return r.nothing(path, "it has no graph; if it marks the directory of a module, verify that directory")
		}
		report.Kind = SavedModel
		report.checkModel(r.ctx, m, filepath.Dir(path), r.opts.Limits)
	}
	return r.report(report)
}
