package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// WriterOptions tunes a [Writer]. Nil, or the zero value, writes one data file
// as TensorFlow's SaveV2 does, and syncs it.
type WriterOptions struct {
	// NumShards is the number of data files; 0 means 1. Tensor.Shard chooses
	// among them. The result is that of as many SaveV2 ops and a
	// MergeV2Checkpoints.
	NumShards int
	// Alignment makes every tensor's offset a multiple of it, in bytes; 0 means
	// TensorFlow's packing, one behind the other. TensorFlow reads either. A
	// multiple of the page size, 4096, lets readers map tensors in place.
	Alignment int
	// Workers is how many goroutines sum and write at once; 0 means GOMAXPROCS,
	// but no more than 8.
	Workers int
	// NoSync leaves it to the operating system when the files reach the disk.
	// The checkpoint is still all or nothing for other processes and for the
	// death of this one, but a power cut may leave it damaged, and, when it was
	// written over another, that one lost. TensorFlow never syncs.
	NoSync bool
}

// Writer writes a V2 checkpoint. The checkpoint appears when Commit succeeds and
// not before: until then, and whatever happens, an earlier checkpoint of the same
// prefix is whole. For the same tensors in the same order the files are those
// that TensorFlow writes, byte for byte. (Over an existing checkpoint the data
// files have other names; see docs/durability.md.)
//
// All methods may be called from many goroutines. The first failure is final:
// what follows returns it too, and Commit refuses.
type Writer struct {
	tx      *transaction
	opts    WriterOptions
	shards  []*shardWriter
	buffers chan []byte // one for each goroutine that may write

	mu      sync.Mutex
	entries map[string]*bundleEntry
	sliced  map[string]*bundleEntry // those of entries that have slices
	err     error                   // the first failure, or tfkeep.ErrClosed
	active  sync.WaitGroup          // calls of Add at work
}

// Create begins a checkpoint. It makes the prefix's directory if need be, and
// removes what an earlier writer of the prefix, one that died, left behind. When
// another writer is at work on the prefix it fails with [tfkeep.ErrLocked].
func Create(ctx context.Context, prefix string, o *WriterOptions) (*Writer, error) {
	w := &Writer{entries: map[string]*bundleEntry{}, sliced: map[string]*bundleEntry{}}
	if o != nil {
		w.opts = *o
	}
	if err := w.opts.normalize(prefix); err != nil {
		return nil, err
	}
	tx, err := begin(vfs.FromContext(ctx), prefix, w.opts.NumShards, w.opts.NoSync)
	if err != nil {
		return nil, err
	}
	w.tx = tx
	w.buffers = make(chan []byte, w.opts.Workers)
	for range w.opts.Workers {
		w.buffers <- nil
	}
	for i := range w.opts.NumShards {
		f, err := tx.createData(i)
		if err != nil {
			return nil, errors.Join(err, tx.abort())
		}
		w.shards = append(w.shards, &shardWriter{file: f, synced: !w.opts.NoSync, alignment: int64(w.opts.Alignment)})
	}
	return w, nil
}

func (o *WriterOptions) normalize(prefix string) error {
	bad := func(what string, n int) error {
		return &tfkeep.Error{Op: "create", Path: prefix, Err: tfkeep.ErrMismatch, Detail: fmt.Sprintf("%s is %d", what, n)}
	}
	switch {
	case o.NumShards < 0 || o.NumShards > 99999:
		return bad("NumShards", o.NumShards)
	case o.Alignment < 0 || o.Alignment > 1<<30:
		return bad("Alignment", o.Alignment)
	case o.Workers < 0:
		return bad("Workers", o.Workers)
	}
	o.NumShards = max(o.NumShards, 1)
	o.Alignment = max(o.Alignment, 1)
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 8)
	}
	return nil
}

// Add writes one tensor or slice. Its place in the data file is that of the call
// in the order of calls.
func (w *Writer) Add(ctx context.Context, t Tensor) error {
	return w.AddAll(ctx, []Tensor{t})
}

// AddAll writes tensors as if by Add one after the other, but in parallel. When
// the context ends it stops, and the checkpoint cannot be committed any more.
func (w *Writer) AddAll(ctx context.Context, tensors []Tensor) error {
	plans, err := w.plan(tensors)
	if err != nil {
		return err
	}
	defer w.active.Done()
	if err := w.write(ctx, plans); err != nil {
		return w.fail(err)
	}
	return nil
}

// plan checks the tensors and reserves their places, in order and with nobody
// else's in between. If it succeeds, active counts the caller.
func (w *Writer) plan(tensors []Tensor) ([]*tensorPlan, error) {
	plans := make([]*tensorPlan, len(tensors))
	var bad error
	for i := range tensors {
		if plans[i], bad = newTensorPlan(&tensors[i]); bad != nil {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil && bad != nil {
		w.err = w.place(bad)
	}
	if w.err != nil {
		return nil, w.err
	}
	for _, p := range plans {
		if err := w.reserve(p); err != nil {
			w.err = w.place(err)
			return nil, w.err
		}
	}
	w.active.Add(1)
	return plans, nil
}

// reserve enters a tensor in the index and gives it a place. With mu held.
func (w *Writer) reserve(p *tensorPlan) error {
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

// addSlice notes a slice in the entry of the tensor that it is part of.
func (w *Writer) addSlice(t *Tensor) error {
	shard := w.tx.layout.first + t.Shard
	e := w.sliced[t.Name]
	switch {
	case e == nil && w.entries[t.Name] != nil:
		return t.duplicate()
	case e == nil:
		// TensorFlow's merge has the first shard that holds a slice here, where
		// it means nothing.
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

// AddFile adds a small file that belongs to the checkpoint, such as its meta
// graph: prefix+suffix, for example ".meta". It takes part in the commit: it is
// synced with the data, takes its name just before the index does, and is gone
// when the checkpoint is given up.
func (w *Writer) AddFile(suffix string, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	final := w.tx.prefix + suffix
	if suffix == "" || filenames.Index("") == suffix || filepath.Dir(final) != filepath.Dir(w.tx.prefix) {
		w.err = &tfkeep.Error{Op: "write", Path: final, Err: tfkeep.ErrMismatch, Detail: "not a file beside the checkpoint's own"}
		return w.err
	}
	f, err := w.tx.createSide(final)
	if err == nil {
		_, err = f.WriteAt(data, 0)
	}
	w.err = vfs.Error("write", final, err)
	return w.err
}

// Commit makes the checkpoint take effect and closes the writer. With the
// default options it is on the disk when Commit returns. After an error there is
// the earlier checkpoint, if there was one, and nothing of this one; the one
// exception, a directory that cannot be synced after the last step, says so.
func (w *Writer) Commit(ctx context.Context) error {
	if err := w.close(); err != nil {
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

// Close gives the checkpoint up unless it was committed: nothing of it remains.
// It waits for calls of Add. After Commit it does nothing, so it can be deferred.
func (w *Writer) Close() error {
	_ = w.close()
	return w.tx.abort()
}

// close ends the adding of tensors and returns what went wrong until then.
func (w *Writer) close() error {
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
		return w.err // An Add that was at work has failed.
	}
	return nil
}

// finishData writes what is buffered and gives the files their sizes.
func (w *Writer) finishData() error {
	for name, e := range w.sliced {
		if err := checkSlicesDisjoint(name, e); err != nil {
			return w.place(err)
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
		boxes[i], _ = s.Resolve(e.shape)
	}
	if err := checkDisjoint(boxes); err != nil {
		return &tfkeep.Error{Op: "write", Item: "tensor", Name: name, Err: tfkeep.ErrMismatch, Detail: err.Error()}
	}
	return nil
}

func (w *Writer) writeIndex(f vfs.File) error {
	h := wire.BundleHeader{NumShards: w.tx.layout.total, Versions: wire.Versions{Producer: wire.FormatVersion}}
	return writeIndexTable(f, h, w.entries)
}

// writeIndexTable writes an index: the header under the empty key, then the
// entries by key.
func writeIndexTable(f vfs.File, h wire.BundleHeader, entries map[string]*bundleEntry) error {
	keys := make([]string, 0, len(entries))
	for k := range entries {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	t := table.NewWriter(f, nil)
	if err := t.Add(nil, h.Encode()); err != nil {
		return err
	}
	var buf []byte
	for _, k := range keys {
		buf = entries[k].encode(buf[:0])
		if err := t.Add([]byte(k), buf); err != nil {
			return err
		}
	}
	return t.Close()
}

// fail notes the first failure.
func (w *Writer) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil || errors.Is(w.err, tfkeep.ErrClosed) {
		w.err = w.place(err)
	}
	return w.err
}

// place adds the checkpoint to an error that only knows its tensor.
func (w *Writer) place(err error) error {
	var e *tfkeep.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = w.tx.prefix
	}
	return err
}
