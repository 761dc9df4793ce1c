package checkpoint

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// VerifyOptions tunes [Verify]. The zero value, or nil, is the right default.
type VerifyOptions struct {
	// Workers bounds the tensors that are read at once; 0 is one a core.
	Workers int
	// Progress, if not nil, is called with the bytes of each part that was
	// read, from one goroutine.
	Progress func(bytes int64)
}

// Fault is one thing that is wrong.
type Fault struct {
	// Err says what and where; it is an [*Error] for all that concerns the
	// checkpoint's own files.
	Err error
	// Harmless marks what no reader would notice: bytes that belong to nothing
	// and padding that is not what it should be. The values are whole.
	Harmless bool
}

// Report is what [Verify] found.
type Report struct {
	Prefix  string
	Version Version
	// Tensors and Bytes count what the checkpoint lists, as far as it could be
	// read.
	Tensors int
	Bytes   int64
	// Faults are all that was found, the index's first, then by tensor.
	Faults []Fault
}

// OK tells that every value is whole: there is no fault but harmless ones.
func (r *Report) OK() bool {
	for _, f := range r.Faults {
		if !f.Harmless {
			return false
		}
	}
	return true
}

// Verify reads a whole checkpoint, every checksum included, and collects
// everything that is wrong with it, where [Reader] stops at the first thing.
// An index with a broken block still has its other blocks looked at, and a
// missing data file does not hide damage in the next.
//
// name is any that [Open] takes. The error is not about the checkpoint's
// state: there is none of that name (ErrNotFound), or the context ended.
func Verify(ctx context.Context, name string, o *VerifyOptions) (*Report, error) {
	fsys, name := splitPath(name)
	return verifyIn(ctx, fsys, name, o)
}

// VerifyFS is [Verify] in another file system.
func VerifyFS(ctx context.Context, fsys fs.FS, prefix string, o *VerifyOptions) (*Report, error) {
	return verifyIn(ctx, fsys, prefix, o)
}

// splitPath finds the directory to look in, as [Open] does.
func splitPath(name string) (fs.FS, string) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		if _, err := os.Stat(name + indexSuffix); err != nil {
			return osDir(name), "."
		}
	}
	dir, base := filepath.Split(filepath.Clean(name))
	return osDir(dir), base
}

func verifyIn(ctx context.Context, fsys fs.FS, name string, o *VerifyOptions) (*Report, error) {
	found, err := findCheckpoint(fsys, name)
	if errors.Is(err, ErrNotFound) && (errors.Is(err, fs.ErrNotExist) || isDir(fsys, name)) {
		return nil, err
	}
	v := &verifier{ctx: ctx, fsys: fsys, report: &Report{Prefix: displayPath(fsys, name)}, broken: map[place]bool{}}
	if o != nil {
		v.opts = *o
	}
	if err != nil {
		v.fault(err)
		return v.report, nil
	}
	// A state file may lead to another directory.
	v.fsys = found.fsys
	v.report.Prefix = displayPath(found.fsys, found.name)
	if found.v1 != nil {
		v.report.Version = V1
		err = v.verifyV1(found)
	} else {
		v.report.Version = V2
		err = v.verifyV2(found.name)
	}
	if err != nil {
		return nil, err
	}
	return v.report, nil
}

func isDir(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// verifier collects faults.
type verifier struct {
	ctx    context.Context
	fsys   fs.FS
	opts   VerifyOptions
	report *Report
	broken map[place]bool // where faults were found, to tell them once
}

// place is a file, or a block of one.
type place struct {
	file   string
	offset int64
}

func (v *verifier) fault(err error) { v.report.Faults = append(v.report.Faults, Fault{Err: err}) }

func (v *verifier) harmless(err error) {
	v.report.Faults = append(v.report.Faults, Fault{Err: err, Harmless: true})
}

func (v *verifier) verifyV2(prefix string) error {
	x := v.salvageIndex(prefix)
	if x == nil {
		return v.ctx.Err()
	}
	if x.header.numShards == 0 { // the header is lost; the data files' names tell
		if x.header.numShards = v.guessShards(prefix); x.header.numShards == 0 {
			return v.ctx.Err()
		}
	}
	b := &bundle{fsys: v.fsys, prefix: prefix, numShards: x.header.numShards, bigEndian: x.header.bigEndian, files: map[int]*input{}}
	defer b.close()
	if err := v.verifyParts(x.tensors, b); err != nil {
		return err
	}
	if len(v.report.Faults) > 0 {
		return nil // what is left over belongs to what was lost, perhaps
	}
	if _, err := readIndex(v.fsys, prefix, &ReaderOptions{Strict: true}); err != nil {
		v.harmless(err)
	}
	if err := b.verify(x.tensors); err != nil {
		v.harmless(err)
	}
	return nil
}

func (v *verifier) verifyV1(found foundCheckpoint) error {
	files := &v1Files{}
	defer files.close()
	tensors, err := files.openFiles(v.fsys, found.v1)
	if err != nil {
		v.fault(err)
	}
	if err := v.verifyParts(tensors, files); err != nil {
		return err
	}
	for _, t := range files.tables {
		if t.table == nil {
			continue
		}
		for i := range t.table.NumBlocks() {
			if err := v.ctx.Err(); err != nil {
				return err
			}
			v.scanBlock(t.table, t.in.path, i, nil)
		}
	}
	if len(v.report.Faults) > 0 {
		return nil
	}
	strict, err := openV1(v.fsys, found.name, found.v1, &ReaderOptions{Strict: true})
	if err != nil {
		v.harmless(err)
		return nil
	}
	return strict.Close()
}

// guessShards takes the number of shards from the names of the data files, 0
// if they do not agree on one.
func (v *verifier) guessShards(prefix string) int {
	dir, base := path.Split(prefix)
	entries, err := fs.ReadDir(v.fsys, path.Clean(dir))
	if err != nil {
		return 0
	}
	total := 0
	for _, e := range entries {
		of, shard, ok := parseDataFile(e.Name())
		switch {
		case !ok || of != base:
		case total == 0:
			total = shard.total
		case total != shard.total:
			return 0
		}
	}
	return total
}

// verifyParts reads every stored part of every tensor by itself, so that one
// that is damaged does not hide the next.
func (v *verifier) verifyParts(tensors []TensorInfo, values valueStore) error {
	type part struct {
		t *TensorInfo
		p SliceInfo
	}
	var parts []part
	for i := range tensors {
		t := &tensors[i]
		v.report.Bytes += t.Bytes
		if t.Slices == nil {
			continue
		}
		if err := checkTiling(t, true); err != nil {
			v.fault(t.errorf(v.report.Prefix, -1, ErrCorrupt, "%v", err))
		}
	}
	v.report.Tensors += len(tensors)
	eachPart(tensors, func(t *TensorInfo, p *SliceInfo) error {
		parts = append(parts, part{t, *p})
		return nil
	})
	workers := v.opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return parallel.InOrder(v.ctx, len(parts), workers, func(ctx context.Context, i int) (error, error) {
		err := readPart(ctx, values, parts[i].t, &parts[i].p)
		return err, ctx.Err()
	}, func(i int, err error) error {
		if v.opts.Progress != nil {
			v.opts.Progress(parts[i].p.Bytes)
		}
		v.partFault(err)
		return nil
	})
}

// partFault tells a missing file once, not for each tensor in it.
func (v *verifier) partFault(err error) {
	var e *Error
	if !errors.As(err, &e) {
		if err != nil {
			v.fault(err)
		}
		return
	}
	at := place{e.File, e.Offset}
	if errors.Is(err, fs.ErrNotExist) {
		if at.offset = -1; v.broken[at] {
			return
		}
		once := *e
		once.Tensor = ""
		err = &once
	}
	v.broken[at] = true
	v.fault(err)
}

func readPart(ctx context.Context, values valueStore, t *TensorInfo, p *SliceInfo) error {
	if dtype.Size(t.DType) == 0 && t.DType != dtype.String {
		return nil // a variant or resource: nothing to read
	}
	s := p.Slice
	if s == nil {
		s = FullSlice(len(t.Shape))
	}
	box, err := s.Resolve(t.Shape)
	if err != nil {
		return t.errorf("", -1, ErrCorrupt, "slice %s does not lie in the shape %v", s, t.Shape)
	}
	whole := *p
	whole.Slice = s
	stored, err := values.open(t, &whole, box)
	if err != nil {
		return err
	}
	if t.DType == dtype.String {
		_, err := stored.strings(ctx)
		return err
	}
	stream := stored.stream(streamBuffer)
	for {
		if _, err := stream.next(ctx); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
