package checkpoint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sort"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// V1Writer writes a checkpoint in TensorFlow's first format, for programs that
// read nothing newer. The file is what the SaveSlices op writes for the same
// tensors, byte for byte; the order of different tensors does not matter.
//
// The format has every value in a protocol buffer and all of them in one sorted
// table: the writer therefore holds the encoded checkpoint in memory until Commit,
// and one slice may take no more than 2 GiB. Prefer [Writer].
type V1Writer struct {
	fs     vfs.FS
	prefix string
	noSync bool

	mu     sync.Mutex
	shards []*v1File
	err    error
}

// v1File is one file: the tensors' descriptions, and the values by key.
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

// CreateV1 begins a V1 checkpoint. With NumShards 0 it is the one file named
// prefix; otherwise the files prefix-00000-of-NNNNN and so on, which are read by
// the pattern prefix-?????-of-NNNNN. Each file appears whole, but several cannot
// replace several others in one step: save sharded checkpoints under new names.
// Alignment and Workers are without effect.
func CreateV1(ctx context.Context, prefix string, o *WriterOptions) (*V1Writer, error) {
	var opts WriterOptions
	if o != nil {
		opts = *o
	}
	numShards := opts.NumShards
	if err := opts.normalize(prefix); err != nil {
		return nil, err
	}
	w := &V1Writer{fs: vfs.FromContext(ctx), prefix: prefix, noSync: opts.NoSync}
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	if _, err := makeDirs(w.fs, filepath.Dir(prefix)); err != nil {
		return nil, vfs.Error("create", prefix, err)
	}
	for i := range opts.NumShards {
		name := prefix
		if numShards > 0 {
			name = fmt.Sprintf("%s-%05d-of-%05d", prefix, i, numShards)
		}
		f, err := vfs.CreateAtomic(w.fs, name)
		if err != nil {
			return nil, errors.Join(vfs.Error("create", name, err), w.Close())
		}
		w.shards = append(w.shards, &v1File{file: f, byName: map[string]*v1Meta{}, values: map[string][]byte{}})
	}
	return w, nil
}

// Add takes a tensor or slice. It is encoded before Add returns.
func (w *V1Writer) Add(ctx context.Context, t Tensor) error {
	err := ctx.Err()
	var shape []int64
	if err == nil {
		shape, err = t.check()
	}
	var value []byte
	if err == nil {
		value, err = encodeV1Value(&t, shape)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		if err == nil {
			err = w.add(&t, value)
		}
		w.err = w.place(err)
	}
	return w.err
}

// AddAll is Add for each of the tensors.
func (w *V1Writer) AddAll(ctx context.Context, tensors []Tensor) error {
	for _, t := range tensors {
		if err := w.Add(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// add enters a tensor into its file's table. With mu held.
func (w *V1Writer) add(t *Tensor, value []byte) error {
	if t.Shard < 0 || t.Shard >= len(w.shards) {
		return t.bad(fmt.Sprintf("shard %d of %d", t.Shard, len(w.shards)))
	}
	shard := w.shards[t.Shard]
	s := t.v1Slice()
	key := string(appendSliceKey(nil, t.Name, s))
	if shard.values[key] != nil {
		return t.duplicate() // TensorFlow keeps the first and says nothing.
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

// Commit writes the files and closes the writer.
func (w *V1Writer) Commit(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = ctx.Err()
	}
	if w.err == nil {
		w.err = w.commit()
	}
	if w.err != nil {
		return errors.Join(w.err, w.closeFiles())
	}
	w.err = &tfkeep.Error{Op: "write", Path: w.prefix, Err: tfkeep.ErrClosed}
	return nil
}

func (w *V1Writer) commit() error {
	// All are written before the first takes effect.
	for _, s := range w.shards {
		if err := s.write(); err != nil {
			return vfs.Error("write", w.prefix, err)
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
// TensorFlow's op goes through the tensors by name; slices of one keep their
// order.
func (s *v1File) write() error {
	sort.SliceStable(s.tensors, func(i, j int) bool { return s.tensors[i].name < s.tensors[j].name })
	if err := s.checkSlices(); err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(s.file, 1<<20)
	t := table.NewWriter(buffered, nil)
	if err := t.Add(nil, s.encodeMeta()); err != nil {
		return err
	}
	keys := make([]string, 0, len(s.values))
	for k := range s.values {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
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

// Close gives the checkpoint up unless it was committed.
func (w *V1Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = &tfkeep.Error{Op: "write", Path: w.prefix, Err: tfkeep.ErrClosed}
	}
	return w.closeFiles()
}

func (w *V1Writer) closeFiles() error {
	var errs []error
	for _, s := range w.shards {
		errs = append(errs, s.file.Close())
	}
	return vfs.Error("remove", w.prefix, errors.Join(errs...))
}

func (w *V1Writer) place(err error) error {
	var e *tfkeep.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = w.prefix
	}
	return err
}

// v1Slice is the slice as V1 has it: there are no tensors without one.
func (t *Tensor) v1Slice() Slice {
	if t.Slice == nil {
		return FullSlice(len(t.Shape))
	}
	return slices.Clone(t.Slice)
}

// maxV1Slice is what TensorFlow lets a slice take.
const maxV1Slice = 1 << 31

func checkV1Size(t *Tensor, estimate int64) error {
	if estimate <= maxV1Slice && estimate <= math.MaxInt {
		return nil
	}
	return &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Err: tfkeep.ErrUnsupported,
		Detail: fmt.Sprintf("Tensor slice is too large to serialize (conservative estimate: %d bytes); write it as V2, or in smaller slices", estimate)}
}
