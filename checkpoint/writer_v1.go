package checkpoint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// v1Writer writes a V1 checkpoint. Its files are those that the SaveSlices op writes for
// the same tensors, byte for byte. The order of different tensors does not matter.
type v1Writer struct {
	fs     vfs.FS
	prefix string
	noSync bool

	mu     sync.Mutex
	shards []*v1File
	sides  []*vfs.AtomicFile // of addFile
	err    error             // the first error, or tfkeep.ErrClosed
}

// v1File is one file: the descriptions of the tensors, and the values by key.
type v1File struct {
	file    *vfs.AtomicFile
	tensors []*v1Meta
	byName  map[string]*v1Meta
	values  map[string][]byte
}

// v1Meta is a SavedSliceMeta.
type v1Meta struct {
	name   string
	dtype  dtype.DataType
	shape  []int64
	slices []Slice
}

func createV1(fsys vfs.FS, prefix string, o WriterOptions) (*v1Writer, error) {
	w := &v1Writer{fs: fsys, prefix: prefix, noSync: o.NoSync}
	if o.NumShards == 0 && filenames.EndsInSlash(prefix) {
		return nil, &tfkeep.Error{Op: "create", Path: prefix, Err: tfkeep.ErrArgument,
			Detail: "a V1 checkpoint in one file has the name of its prefix, which must not end in a slash; use V2, or a prefix such as " + filenames.Join(prefix, "model")}
	}
	if _, err := makeDirs(w.fs, filepath.Dir(prefix)); err != nil {
		return nil, vfs.Error("create", prefix, err)
	}
	for i := range max(o.NumShards, 1) {
		name := prefix
		if o.NumShards > 0 {
			name = filenames.V1Shard(prefix, i, o.NumShards)
		}
		f, err := vfs.CreateAtomic(w.fs, name)
		if err != nil {
			return nil, errors.Join(vfs.Error("create", name, err), w.close())
		}
		if !o.NoSync {
			f.SendEarly()
		}
		w.shards = append(w.shards, &v1File{file: f, byName: map[string]*v1Meta{}, values: map[string][]byte{}})
	}
	return w, nil
}

// add encodes tensors and keeps the result.
func (w *v1Writer) add(ctx context.Context, tensors []Tensor) error {
	for i := range tensors {
		t := &tensors[i]
		err := ctx.Err()
		var shape []int64
		if err == nil {
			shape, err = t.check()
		}
		var value []byte
		if err == nil {
			value, err = encodeV1Value(t, shape)
		}
		if err = w.keep(t, value, err); err != nil {
			return err
		}
	}
	return nil
}

func (w *v1Writer) addFrom(ctx context.Context, t Tensor, r io.Reader) error {
	p, err := newStreamPlan(&t)
	if err == nil {
		t.Data, err = readExactly(ctx, &t, r, p.entry.size)
	}
	if err != nil {
		return w.keep(&t, nil, err)
	}
	return w.add(ctx, []Tensor{t})
}

func (w *v1Writer) addFile(suffix string, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	path, err := sidePath(w.prefix, suffix)
	if err == nil {
		var f *vfs.AtomicFile
		if f, err = vfs.CreateAtomic(w.fs, path); err == nil {
			w.sides = append(w.sides, f)
			_, err = f.Write(data)
		}
	}
	w.err = vfs.Error("write", path, err)
	return w.err
}

// keep adds an encoded tensor, or remembers the error that there was. It returns the first
// error of the writer.
func (w *v1Writer) keep(t *Tensor, value []byte, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		if err == nil {
			err = w.insert(t, value)
		}
		w.err = vfs.AddPath(w.prefix, err)
	}
	return w.err
}

// insert adds a tensor to the table of its file. The caller holds mu.
func (w *v1Writer) insert(t *Tensor, value []byte) error {
	if t.Shard < 0 || t.Shard >= len(w.shards) {
		return t.bad(fmt.Sprintf("shard %d of %d", t.Shard, len(w.shards)))
	}
	shard := w.shards[t.Shard]
	s := t.v1Slice()
	key := string(appendSliceKey(nil, t.Name, s))
	if shard.values[key] != nil {
		return t.duplicate() // TensorFlow keeps the first one without an error.
	}
	meta := shard.byName[t.Name]
	switch {
	case meta == nil:
		meta = &v1Meta{name: t.Name, dtype: t.DType, shape: slices.Clone(t.Shape)}
		shard.byName[t.Name] = meta
		shard.tensors = append(shard.tensors, meta)
	case meta.dtype != t.DType:
		return t.bad(fmt.Sprintf("Mismatching types: existing type = %s, trying to add name %s, type = %s",
			dtype.Name(meta.dtype), t.Name, dtype.Name(t.DType)))
	case !slices.Equal(meta.shape, t.Shape):
		return t.bad(fmt.Sprintf("Mismatching shapes: existing tensor = %v, trying to add name %s, shape = %v",
			meta.shape, t.Name, t.Shape))
	}
	meta.slices = append(meta.slices, s)
	shard.values[key] = value
	return nil
}

func (w *v1Writer) commit(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = ctx.Err()
	}
	if w.err == nil {
		w.err = w.writeFiles()
	}
	if w.err != nil {
		return errors.Join(w.err, w.closeFiles())
	}
	w.err = &tfkeep.Error{Op: "write", Path: w.prefix, Err: tfkeep.ErrClosed}
	return nil
}

func (w *v1Writer) writeFiles() error {
	// All files are written before the first one takes effect.
	for _, s := range w.shards {
		if err := s.write(); err != nil {
			return vfs.Error("write", w.prefix, err)
		}
	}
	for _, f := range w.sides {
		if err := f.Commit(!w.noSync); err != nil {
			return vfs.Error("commit", w.prefix, err)
		}
	}
	for _, s := range w.shards {
		if err := s.file.Commit(!w.noSync); err != nil {
			return vfs.Error("commit", w.prefix, err)
		}
	}
	return nil
}

// write writes the table: the descriptions under the empty key, then the values.
// TensorFlow's op sorts the tensors by name, and keeps the order of the slices of each.
func (s *v1File) write() error {
	slices.SortStableFunc(s.tensors, func(a, b *v1Meta) int { return strings.Compare(a.name, b.name) })
	if err := s.checkSlices(); err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(s.file, 1<<20)
	t := table.NewWriter(buffered, nil)
	if err := t.Add(nil, s.encodeMeta()); err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(s.values)) {
		if err := t.Add([]byte(k), s.values[k]); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func (s *v1File) checkSlices() error {
	for _, m := range s.tensors {
		if err := checkSlicesDisjoint(m.name, &bundleEntry{shape: m.shape, slices: m.slices}); err != nil {
			return err
		}
	}
	return nil
}

// encodeMeta encodes the SavedTensorSlices that describes a file.
func (s *v1File) encodeMeta() []byte {
	return wire.AppendMessage(nil, 1, func(b []byte) []byte {
		for _, m := range s.tensors {
			b = wire.AppendMessage(b, 1, m.encode)
		}
		return wire.AppendMessage(b, 2, wire.Versions{Producer: wire.FormatVersion}.Encode)
	})
}

func (m *v1Meta) encode(b []byte) []byte {
	b = wire.AppendBytes(b, 1, []byte(m.name))
	b = wire.AppendMessage(b, 2, func(b []byte) []byte { return appendShape(b, m.shape) })
	b = wire.AppendVarint(b, 3, uint64(m.dtype))
	for _, s := range m.slices {
		b = wire.AppendMessage(b, 4, func(b []byte) []byte { return appendSlice(b, s) })
	}
	return b
}

func (w *v1Writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = &tfkeep.Error{Op: "write", Path: w.prefix, Err: tfkeep.ErrClosed}
	}
	return w.closeFiles()
}

func (w *v1Writer) closeFiles() error {
	var errs []error
	for _, f := range w.sides {
		errs = append(errs, f.Close())
	}
	for _, s := range w.shards {
		errs = append(errs, s.file.Close())
	}
	return vfs.Error("remove", w.prefix, errors.Join(errs...))
}

// v1Slice returns the slice for V1, where every tensor has one.
func (t *Tensor) v1Slice() Slice {
	if t.Slice == nil {
		return fullSlice(len(t.Shape))
	}
	return slices.Clone(t.Slice)
}

// maxV1Slice is the largest size of a slice in TensorFlow.
const maxV1Slice = 1 << 31

func checkV1Size(t *Tensor, estimate int64) error {
	if estimate <= maxV1Slice && estimate <= math.MaxInt {
		return nil
	}
	return &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Err: tfkeep.ErrUnsupported,
		Detail: fmt.Sprintf("Tensor slice is too large to serialize (conservative estimate: %d bytes); write it as V2, or in smaller slices", estimate)}
}
