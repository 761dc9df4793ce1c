package checkpoint

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"runtime"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/internal/table"
)

// VerifyOptions tunes [Verify]. Nil and the zero value are the right defaults.
type VerifyOptions struct {
	// FS is the file system that has the checkpoint; nil is the operating system's.
	FS fs.FS
	// Workers is the largest number of tensors that are read at the same time. 0 means
	// runtime.GOMAXPROCS(0).
	Workers int
	// Progress, if not nil, is called after each tensor with the bytes that were read
	// and those to be read, from one goroutine at a time.
	Progress func(done, total int64)
}

// Fault is one thing that is wrong.
type Fault struct {
	// Err says what is wrong and where. If it concerns a file of the checkpoint, it is
	// a [tfkeep.Error].
	Err error
	// Harmless is set if no reader would notice: for bytes that belong to nothing, and
	// for wrong padding. The values are whole.
	Harmless bool
	// Offset is the place in the file that Err names, in bytes; -1 if it is unknown.
	Offset int64
}

// Report is the result of [Verify].
type Report struct {
	Prefix  string
	Version Version
	// Tensors and Bytes are the number of tensors in the index and the sum of their
	// sizes, as far as the index could be read.
	Tensors int
	Bytes   int64
	// Faults are all faults: first those of the index, then those of the tensors.
	Faults []Fault
}

// OK reports whether all values are whole: there are no faults, or only harmless ones.
func (r *Report) OK() bool {
	for _, f := range r.Faults {
		if !f.Harmless {
			return false
		}
	}
	return true
}

// Verify reads a whole checkpoint, checks every checksum, and collects everything that
// is wrong, where [Reader] stops at the first error. If one block of the index is
// broken, it still looks at the others, and a missing data file does not hide damage in
// the next one.
//
// The name is one that [Open] takes. Damage is not an error: the error reports that there
// is no checkpoint of that name (ErrNotFound), or that the context ended.
func Verify(ctx context.Context, name string, o *VerifyOptions) (*Report, error) {
	v := &verifier{ctx: ctx, report: &Report{Prefix: name}, broken: map[place]bool{}}
	if o != nil {
		v.opts = *o
	}
	if err := argcheck.Context(ctx, "verify", name); err != nil {
		return nil, err
	}
	files, err := findFiles(ctx, v.opts.FS, name)
	var missing *missingShardsError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, tfkeep.ErrNotFound) && !errors.As(err, &missing):
		return nil, err
	case err != nil:
		v.fault(err)
		return v.report, nil
	}
	v.fs = files.fs
	v.report.Prefix = displayPath(files.fs, files.name)
	if files.v1 != nil {
		v.report.Version = V1
		err = v.verifyV1(files)
	} else {
		v.report.Version = V2
		err = v.verifyV2(files.name)
	}
	if err != nil {
		return nil, err
	}
	return v.report, nil
}

// verifier collects faults.
type verifier struct {
	ctx    context.Context
	fs     fs.FS
	opts   VerifyOptions
	report *Report
	broken map[place]bool // where faults were found, to report them once
}

// place is a file or a block of one.
type place struct {
	file   string
	offset int64
}

func (v *verifier) fault(err error) {
	v.report.Faults = append(v.report.Faults, Fault{Err: err, Offset: offsetOf(err)})
}

func (v *verifier) harmless(err error) {
	v.report.Faults = append(v.report.Faults, Fault{Err: err, Harmless: true, Offset: offsetOf(err)})
}

func (v *verifier) verifyV2(prefix string) error {
	x := v.salvageIndex(prefix)
	if x == nil {
		return v.ctx.Err()
	}
	if x.header.NumShards == 0 { // the header is lost, but the names of the data files have it
		if x.header.NumShards = v.guessShards(prefix); x.header.NumShards == 0 {
			return v.ctx.Err()
		}
	}
	b := &bundle{fsys: v.fs, prefix: prefix, numShards: x.header.NumShards, bigEndian: x.header.BigEndian, files: map[int]*input{}}
	defer b.close()
	if err := v.verifyParts(x.tensors, b); err != nil {
		return err
	}
	if len(v.report.Faults) > 0 {
		return nil // other bytes may belong to what was lost
	}
	if _, err := readIndex(v.ctx, v.fs, prefix, &ReaderOptions{Strict: true}); err != nil {
		v.harmless(err)
	}
	if err := b.verify(v.ctx, x.tensors); err != nil {
		v.harmless(err)
	}
	return v.ctx.Err()
}

func (v *verifier) verifyV1(files foundFiles) error {
	values := &v1Files{}
	defer values.close()
	tensors, err := values.openFiles(v.fs, files.v1)
	if err != nil {
		v.fault(err)
	}
	if err := v.verifyParts(tensors, values); err != nil {
		return err
	}
	for _, t := range values.tables {
		if t.table == nil {
			continue
		}
		for i := range t.table.NumBlocks() {
			if err := v.ctx.Err(); err != nil {
				return err
			}
			v.scanBlock(t.table, t.in.path, i, func(table.Entry) error { return nil })
		}
	}
	if len(v.report.Faults) > 0 {
		return nil
	}
	strict, err := openV1(v.ctx, files, &ReaderOptions{Strict: true})
	if err != nil {
		v.harmless(err)
		return v.ctx.Err()
	}
	return strict.Close()
}

// guessShards returns the number of shards that the names of the data files have, 0 if
// they do not agree.
func (v *verifier) guessShards(prefix string) int {
	dir, base := path.Split(prefix)
	entries, err := fs.ReadDir(v.fs, path.Clean(dir))
	if err != nil {
		return 0
	}
	total := 0
	for _, e := range entries {
		of, _, n, ok := filenames.ParseData(e.Name())
		switch {
		case !ok || of != base:
		case total == 0:
			total = n
		case total != n:
			return 0
		}
	}
	return total
}

// verifyParts reads every stored part of every tensor separately, so that damage in one
// does not hide damage in another.
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
			v.fault(t.errorf(v.report.Prefix, -1, tfkeep.ErrCorrupt, "%v", err))
		}
	}
	v.report.Tensors += len(tensors)
	for i := range tensors {
		if fault := tensors[i].Fault; fault != nil {
			v.fault(fault)
		}
	}
	for t, p := range storedParts(tensors) {
		if t.Fault != nil {
			continue
		}
		parts = append(parts, part{t, *p})
	}
	workers := v.opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	i, done := 0, int64(0)
	for fault, err := range parallel.InOrder(v.ctx, len(parts), workers, func(ctx context.Context, i int) (error, error) {
		err := readPart(ctx, values, parts[i].t, &parts[i].p)
		return err, ctx.Err()
	}) {
		if err != nil {
			return err
		}
		done += parts[i].p.Bytes
		i++
		if v.opts.Progress != nil {
			v.opts.Progress(done, v.report.Bytes)
		}
		v.partFault(fault)
	}
	return nil
}

// partFault reports a missing file once, and not for each tensor in it.
func (v *verifier) partFault(err error) {
	var e *tfkeep.Error
	if !errors.As(err, &e) {
		if err != nil {
			v.fault(err)
		}
		return
	}
	at := place{e.Path, offsetOf(err)}
	if errors.Is(err, fs.ErrNotExist) {
		if at.offset = -1; v.broken[at] {
			return
		}
		once := *e
		once.Item, once.Name = "", ""
		err = &once
	}
	v.broken[at] = true
	v.fault(err)
}

func readPart(ctx context.Context, values valueStore, t *TensorInfo, p *SliceInfo) error {
	s := p.Slice
	if s == nil {
		s = fullSlice(len(t.Shape))
	}
	box, err := s.resolve(t.Shape)
	if err != nil {
		return t.errorf("", -1, tfkeep.ErrCorrupt, "slice %s does not lie in the shape %v", s, t.Shape)
	}
	whole := *p
	whole.Slice = s
	stored, err := values.open(t, &whole, box)
	if err != nil {
		return err
	}
	if variable(t.DType) {
		_, err := stored.strings(ctx)
		return err
	}
	stream := stored.stream(streamBuffer)
	for {
		if _, err := stream.next(ctx); isEOF(err) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
