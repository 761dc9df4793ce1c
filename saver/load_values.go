package saver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// read reads all tensors, several at a time. The large ones come first, so that the
// goroutines end at about the same time. After an error, too, the values belong to the
// caller.
func (l *load) read(ctx context.Context, wanted []savergraph.Restored) ([]*tf.Tensor, error) {
	order := make([]int, len(wanted))
	sizes := make([]int64, len(wanted))
	var total int64
	for i, t := range wanted {
		order[i] = i
		info, _ := l.source.Lookup(t.Key)
		sizes[i] = info.Bytes
		total += info.Bytes
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })

	values := make([]*tf.Tensor, len(wanted))
	var progress sync.Mutex
	var done int64
	err := parallel.Each(ctx, len(order), l.workers(), func(ctx context.Context, n int) (err error) {
		i := order[n]
		if values[i], err = l.readTensor(ctx, &wanted[i]); err != nil {
			return err
		}
		if l.opts.Progress != nil {
			progress.Lock()
			defer progress.Unlock()
			done += sizes[i]
			l.opts.Progress(done, total)
		}
		return nil
	})
	return values, err
}

func (l *load) workers() int {
	if l.files.workers > 0 {
		return l.files.workers
	}
	return runtime.GOMAXPROCS(0)
}

// readTensor reads one tensor, or the part of it that the graph wants, straight into a
// tensor's memory.
func (l *load) readTensor(ctx context.Context, t *savergraph.Restored) (*tf.Tensor, error) {
	info, _ := l.source.Lookup(t.Key)
	shape, part, err := wantedPart(t, info)
	if err != nil {
		return nil, err
	}
	if info.DType == dtype.String {
		return l.readStrings(ctx, t.Key, shape, part)
	}
	n, ok := dtype.NumElements(shape)
	if !ok {
		return nil, &tfkeep.Error{Item: "tensor", Name: t.Key, Err: tfkeep.ErrCorrupt, Detail: fmt.Sprintf("shape %v", shape)}
	}
	size := n * int64(dtype.Size(info.DType))
	if l.opts.Mapped && part == nil && size > 0 {
		if v, err := l.mapTensor(ctx, t.Key, info, shape); v != nil || err != nil {
			return v, err
		}
	}
	allocate := allocated
	if l.ownMemory {
		allocate = ownMemory
	}
	v, into, err := allocate(info.DType, shape, size)
	if err != nil {
		return nil, err
	}
	if err := sources.ReadInto(ctx, l.source, t.Key, part, into); err != nil {
		tf.Release(v)
		return nil, err
	}
	return v, nil
}

// allocated returns a tensor that TensorFlow allocates, and its memory.
func allocated(dt dtype.DataType, shape []int64, size int64) (*tf.Tensor, []byte, error) {
	v, err := capi.AllocateTensor(dt, shape)
	if err != nil || size == 0 {
		return v, nil, err
	}
	return v, v.TensorData(), nil
}

// wantedPart returns the part of a tensor that the graph wants, and its shape. The part
// is nil for the whole tensor.
func wantedPart(t *savergraph.Restored, info checkpoint.TensorInfo) (shape []int64, part checkpoint.Slice, err error) {
	if t.Slice == "" {
		return info.Shape, nil, nil
	}
	full, part, err := checkpoint.ParseSliceSpec(t.Slice)
	if err != nil {
		return nil, nil, err
	}
	shape, err = part.Shape(full)
	return shape, part, err
}

// mapTensor makes a tensor of the mapped file. It returns nil and no error for a tensor
// that has to be read.
func (l *load) mapTensor(ctx context.Context, name string, info checkpoint.TensorInfo, shape []int64) (*tf.Tensor, error) {
	r, ok := l.source.(*checkpoint.Reader)
	if !ok || len(info.Slices) > 0 {
		return nil, nil
	}
	memory, unmap, err := r.Map(ctx, name)
	if err != nil {
		return nil, err
	}
	return capi.ForeignTensor(info.DType, shape, memory, func() { _ = unmap() })
}

func (l *load) readStrings(ctx context.Context, name string, shape []int64, part checkpoint.Slice) (*tf.Tensor, error) {
	elements, err := l.source.ReadStrings(ctx, name, part)
	if err != nil {
		return nil, err
	}
	return capi.NewStrings(shape, elements)
}

// bytes returns the size of a tensor, or of the part of it that the graph wants.
func (l *load) bytes(t *savergraph.Restored) (int64, error) {
	info, _ := l.source.Lookup(t.Key)
	if t.Slice == "" || info.DType == dtype.String {
		return info.Bytes, nil
	}
	shape, _, err := wantedPart(t, info)
	if err != nil {
		return 0, err
	}
	n, _ := dtype.NumElements(shape)
	return n * int64(dtype.Size(info.DType)), nil
}

// verify reads the tensors to compare their checksums, and keeps nothing.
func (l *load) verify(ctx context.Context, fitting []savergraph.Restored) error {
	var names []string
	for _, t := range fitting {
		names = append(names, t.Key)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return parallel.Each(ctx, len(names), l.workers(), func(ctx context.Context, i int) error {
		return l.verifyTensor(ctx, names[i])
	})
}

func (l *load) verifyTensor(ctx context.Context, name string) error {
	if info, _ := l.source.Lookup(name); info.DType == dtype.String {
		_, err := l.source.ReadStrings(ctx, name, nil)
		return err
	}
	r, err := l.source.OpenTensor(ctx, name, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

// loadBatches are the tensors of a restore, divided into batches.
type loadBatches struct {
	tensors []savergraph.Restored // those that one operation takes are neighbors
	batches [][]int               // of tensors
	total   int64                 // bytes
}

// assignInBatches reads and assigns some tensors at a time, because a model may be
// larger than this machine's memory. If there is more than one batch, it reads everything
// before to compare the checksums.
func (l *load) assignInBatches(ctx context.Context, pool *serverPool, s *servers, fitting []savergraph.Restored, o *GatherOptions) error {
	b, err := l.divide(s, fitting, o)
	if err != nil {
		return err
	}
	if len(b.batches) > 1 && !l.opts.Mapped {
		if err := l.verify(ctx, fitting); err != nil {
			return err
		}
	}
	if err := s.dial(ctx, len(b.tensors), func(i int) savergraph.Task { return s.restoredOn(b.tensors[i].Index) }); err != nil {
		pool.drop(s)
		return err
	}
	var begun atomic.Bool
	var done int64
	for bytes, err := range parallel.InOrder(ctx, len(b.batches), o.batches(), func(ctx context.Context, i int) (int64, error) {
		return l.assignBatch(ctx, s, b.tensors, b.batches[i], &begun)
	}) {
		if err != nil {
			pool.drop(s)
			if begun.Load() {
				err = fmt.Errorf("%w: %w", ErrHalfRestored, err)
			}
			return err
		}
		if done += bytes; l.opts.Progress != nil {
			l.opts.Progress(done, b.total)
		}
	}
	return nil
}

// divide divides the tensors into batches, but never those that one operation takes.
func (l *load) divide(s *servers, fitting []savergraph.Restored, o *GatherOptions) (*loadBatches, error) {
	b := &loadBatches{tensors: togetherByAssignment(fitting)}
	var units [][]int
	var sizes []int64
	for i, t := range b.tensors {
		size, err := l.bytes(&t)
		if err != nil {
			return nil, err
		}
		if size > capi.MaxMessage && s.sess.Target() != "" {
			return nil, tooLarge(t.Key, fmt.Sprint(size, " bytes"), nil)
		}
		b.total += size
		if i > 0 && b.tensors[i-1].Assign == t.Assign {
			units[len(units)-1] = append(units[len(units)-1], i)
			sizes[len(units)-1] += size
			continue
		}
		units = append(units, []int{i})
		sizes = append(sizes, size)
	}
	lanes := map[savergraph.Task]int{}
	b.batches = inBatches(sizes, func(u int) int {
		owner := s.restoredOn(b.tensors[units[u][0]].Index)
		if _, ok := lanes[owner]; !ok {
			lanes[owner] = len(lanes)
		}
		return lanes[owner]
	}, o.batchBytes(b.total))
	for i, some := range b.batches {
		var tensors []int
		for _, u := range some {
			tensors = append(tensors, units[u]...)
		}
		b.batches[i] = tensors
	}
	return b, nil
}

// togetherByAssignment sorts tensors so that those that one operation takes are
// neighbors.
func togetherByAssignment(fitting []savergraph.Restored) []savergraph.Restored {
	first := map[string]int{}
	for i, t := range fitting {
		if _, ok := first[t.Assign]; !ok {
			first[t.Assign] = i
		}
	}
	out := slices.Clone(fitting)
	slices.SortStableFunc(out, func(a, b savergraph.Restored) int { return cmp.Compare(first[a.Assign], first[b.Assign]) })
	return out
}

// assignBatch reads some tensors, runs their assignments, and returns their size in
// bytes. It sets begun before the first variable changes.
func (l *load) assignBatch(ctx context.Context, s *servers, tensors []savergraph.Restored, batch []int, begun *atomic.Bool) (int64, error) {
	values := make([]*tf.Tensor, len(batch))
	defer func() { tf.Release(values...) }()
	var bytes int64
	for k, i := range batch {
		var err error
		if values[k], err = l.readTensor(ctx, &tensors[i]); err != nil {
			return 0, err
		}
		size, err := l.bytes(&tensors[i])
		if err != nil {
			return 0, err
		}
		bytes += size
	}
	owner := func(i int) savergraph.Task { return s.restoredOn(tensors[i].Index) }
	return bytes, s.each(ctx, batch, owner, func(ctx context.Context, r *route, indices []int) error {
		feeds := make(map[tf.Output]*tf.Tensor, len(indices))
		some := make([]savergraph.Restored, len(indices))
		for k, index := range indices {
			t := tensors[batch[index]]
			name := t.Output
			if r.parts != nil {
				name = r.parts.Feeds[t.Index]
			}
			o, err := r.graph.OutputByName(name)
			if err != nil {
				return err
			}
			some[k], feeds[o] = t, values[index]
		}
		targets, err := assignments(r.graph, some)
		if err != nil {
			return err
		}
		begun.Store(true)
		_, err = r.sess.Run(ctx, feeds, nil, targets, nil)
		return err
	})
}
