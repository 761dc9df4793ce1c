package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// bundleWriter writes a V2 checkpoint. For the same tensors in the same order the files
// are those that TensorFlow writes, byte for byte, except that over an existing checkpoint
// the data files get other names; see docs/durability.md.
type bundleWriter struct {
	tx      *transaction
	opts    WriterOptions
	shards  []*shardWriter
	buffers chan []byte // one for each goroutine that may write

	mu      sync.Mutex
	entries map[string]*bundleEntry
	sliced  map[string]*bundleEntry // those of entries that have slices
	err     error                   // the first error, or tfkeep.ErrClosed
	active  sync.WaitGroup          // calls of add that are running
}

func createBundle(fsys vfs.FS, prefix string, o WriterOptions) (*bundleWriter, error) {
	w := &bundleWriter{opts: o, entries: map[string]*bundleEntry{}, sliced: map[string]*bundleEntry{}}
	w.opts.NumShards = max(o.NumShards, 1)
	tx, err := begin(fsys, prefix, w.opts.NumShards, o.NoSync)
	if err != nil {
		return nil, err
	}
	w.tx = tx
	w.buffers = make(chan []byte, o.Workers)
	for range o.Workers {
		w.buffers <- nil
	}
	for i := range w.opts.NumShards {
		f, err := tx.createData(i)
		if err != nil {
			return nil, errors.Join(err, tx.abort())
		}
		s := &shardWriter{file: f, alignment: int64(o.Alignment)}
		if !o.NoSync {
			s.writeback = vfs.NewWriteback(f.File)
		}
		w.shards = append(w.shards, s)
	}
	return w, nil
}

// add writes tensors in parallel. Their places in the data files follow their order.
func (w *bundleWriter) add(ctx context.Context, tensors []Tensor) error {
	plans := make([]*tensorPlan, len(tensors))
	for i := range tensors {
		var err error
		if plans[i], err = newTensorPlan(&tensors[i]); err != nil {
			return w.fail(err)
		}
	}
	if err := w.reserveAll(plans); err != nil {
		return err
	}
	defer w.active.Done()
	if err := w.write(ctx, plans); err != nil {
		return w.fail(err)
	}
	return nil
}

// reserveAll reserves places for tensors, one after the other. If it succeeds, the caller
// counts as active.
func (w *bundleWriter) reserveAll(plans []*tensorPlan) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	for _, p := range plans {
		if err := w.reserve(p); err != nil {
			w.err = vfs.AddPath(w.tx.prefix, err)
			return w.err
		}
	}
	w.active.Add(1)
	return nil
}

// addFrom writes one tensor from a stream.
func (w *bundleWriter) addFrom(ctx context.Context, t Tensor, r io.Reader) error {
	p, err := newStreamPlan(&t)
	if err != nil {
		return w.fail(err)
	}
	if p.entry.size <= smallTensor {
		if t.Data, err = readExactly(ctx, &t, r, p.entry.size); err != nil {
			return w.fail(err)
		}
		return w.add(ctx, []Tensor{t})
	}
	if err := w.reserveAll([]*tensorPlan{p}); err != nil {
		return err
	}
	defer w.active.Done()
	if err := w.writeStream(ctx, p, r); err != nil {
		return w.fail(err)
	}
	return nil
}

// reserve adds a tensor to the index and reserves its place. The caller holds mu.
func (w *bundleWriter) reserve(p *tensorPlan) error {
	t := p.tensor
	if t.Shard < 0 || t.Shard >= len(w.shards) {
		return t.bad(fmt.Sprintf("shard %d of %d", t.Shard, len(w.shards)))
	}
	key := t.Name
	if !t.isWhole() {
		key = string(appendSliceKey(nil, t.Name, t.Slice))
		if err := w.addSlice(t); err != nil {
			return err
		}
	}
	if w.entries[key] != nil {
		return t.duplicate()
	}
	p.shard = w.shards[t.Shard]
	p.entry.shard = w.tx.layout.first + t.Shard
	p.entry.offset = p.shard.reserve(p.entry.size)
	w.entries[key] = p.entry
	return nil
}

// addSlice adds a slice to the entry of its tensor.
func (w *bundleWriter) addSlice(t *Tensor) error {
	shard := w.tx.layout.first + t.Shard
	e := w.sliced[t.Name]
	switch {
	case e == nil && w.entries[t.Name] != nil:
		return t.duplicate()
	case e == nil:
		// TensorFlow's merge stores the first shard that has a slice here, although
		// no reader uses it.
		e = &bundleEntry{dtype: t.DType, shape: slices.Clone(t.Shape), shard: shard}
		w.sliced[t.Name], w.entries[t.Name] = e, e
	case e.dtype != t.DType:
		return t.bad(fmt.Sprintf("this slice is of %s, an earlier one of %s", dtype.Name(t.DType), dtype.Name(e.dtype)))
	case !slices.Equal(e.shape, t.Shape):
		return t.bad(fmt.Sprintf("this slice is of a tensor of shape %v, an earlier one of %v", t.Shape, e.shape))
	}
	e.shard = min(e.shard, shard)
	e.slices = append(e.slices, slices.Clone(t.Slice))
	return nil
}

func (w *bundleWriter) addFile(suffix string, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	final, err := sidePath(w.tx.prefix, suffix)
	if err == nil {
		var f *pendingFile
		if f, err = w.tx.createSide(final); err == nil {
			_, err = f.WriteAt(data, 0)
		}
	}
	w.err = vfs.Error("write", final, err)
	return w.err
}

func (w *bundleWriter) commit(ctx context.Context) error {
	if err := w.endAdding(); err != nil {
		return errors.Join(err, w.tx.abort())
	}
	err := ctx.Err()
	if err == nil {
		err = w.finishData()
	}
	if err != nil {
		return errors.Join(err, w.tx.abort())
	}
	return w.tx.commit(w.writeIndex)
}

func (w *bundleWriter) close() error {
	_ = w.endAdding()
	return w.tx.abort()
}

// endAdding waits for calls of add, refuses further ones, and returns the first error.
func (w *bundleWriter) endAdding() error {
	w.mu.Lock()
	err := w.err
	if err == nil {
		w.err = &tfkeep.Error{Op: "write", Path: w.tx.prefix, Err: tfkeep.ErrClosed}
	}
	w.mu.Unlock()
	w.active.Wait()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !errors.Is(w.err, tfkeep.ErrClosed) {
		return w.err // A call of add that was running has failed.
	}
	return nil
}

// finishData writes the buffered tensors and sets the sizes of the files.
func (w *bundleWriter) finishData() error {
	for name, e := range w.sliced {
		if err := checkSlicesDisjoint(name, e); err != nil {
			return vfs.AddPath(w.tx.prefix, err)
		}
	}
	for _, s := range w.shards {
		if err := s.finish(); err != nil {
			return vfs.Error("write", s.file.final, err)
		}
	}
	return nil
}

func checkSlicesDisjoint(name string, e *bundleEntry) error {
	boxes := make([]Slice, len(e.slices))
	for i, s := range e.slices {
		boxes[i], _ = s.resolve(e.shape)
	}
	if err := checkDisjoint(boxes); err != nil {
		return &tfkeep.Error{Op: "write", Item: "tensor", Name: name, Err: tfkeep.ErrMismatch, Detail: err.Error()}
	}
	return nil
}

func (w *bundleWriter) writeIndex(f vfs.File) error {
	h := wire.BundleHeader{NumShards: w.tx.layout.total, Versions: wire.Versions{Producer: wire.FormatVersion}}
	return writeIndexTable(f, h, w.entries)
}

// writeIndexTable writes an index: the header under the empty key, then the entries in
// the order of their keys.
func writeIndexTable(f vfs.File, h wire.BundleHeader, entries map[string]*bundleEntry) error {
	t := table.NewWriter(f, nil)
	if err := t.Add(nil, h.Encode()); err != nil {
		return err
	}
	var buf []byte
	for _, k := range slices.Sorted(maps.Keys(entries)) {
		buf = entries[k].encode(buf[:0])
		if err := t.Add([]byte(k), buf); err != nil {
			return err
		}
	}
	return t.Close()
}

// fail keeps the first error.
func (w *bundleWriter) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil || errors.Is(w.err, tfkeep.ErrClosed) {
		w.err = vfs.AddPath(w.tx.prefix, err)
	}
	return w.err
}
