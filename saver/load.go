package saver

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// assign reads tensors and assigns them: what was read is fed in place of what
// the restore nodes would have read, and the assignments run.
func (l *load) assign(ctx context.Context, fitting []restoredTensor) error {
	if len(fitting) == 0 {
		return nil
	}
	if l.sess.Target() != "" {
		return l.scatter(ctx, fitting)
	}
	values, err := l.read(ctx, fitting)
	defer tf.Release(values...)
	if err != nil {
		return err
	}
	if len(fitting) == len(l.plan.tensors) {
		call, err := l.s.plans.assignment(l.s, l.sess)
		if err != nil {
			return err
		}
		_, err = call.Run(ctx, values...)
		return err
	}
	feeds := make(map[tf.Output]*tf.Tensor, len(fitting))
	for i, t := range fitting {
		o, err := l.s.g.OutputByName(t.output)
		if err != nil {
			return err
		}
		feeds[o] = values[i]
	}
	targets, err := assignments(l.s.g, fitting)
	if err != nil {
		return err
	}
	_, err = l.sess.Run(ctx, feeds, nil, targets)
	return err
}

// assignments are the operations that take the tensors.
func assignments(g *tf.Graph, fitting []restoredTensor) ([]*tf.Operation, error) {
	var ops []*tf.Operation
	seen := map[string]bool{}
	for _, t := range fitting {
		if seen[t.assign] {
			continue
		}
		seen[t.assign] = true
		op := g.Operation(t.assign)
		if op == nil {
			return nil, fmt.Errorf("%w: the graph has no operation %q", ErrSaverDef, t.assign)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// read reads all tensors, several at a time, the large ones first so that none
// is left over at the end.
func (l *load) read(ctx context.Context, wanted []restoredTensor) ([]*tf.Tensor, error) {
	order := make([]int, len(wanted))
	sizes := make([]int64, len(wanted))
	var total int64
	for i, t := range wanted {
		order[i] = i
		info, _ := l.reader.Lookup(t.name)
		sizes[i] = info.Bytes
		total += info.Bytes
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })

	values := make([]*tf.Tensor, len(wanted))
	var progress sync.Mutex
	var done int64
	err := parallel.Each(ctx, len(order), l.workers(len(wanted)), func(ctx context.Context, n int) error {
		i := order[n]
		v, err := l.readTensor(ctx, &wanted[i])
		if err != nil {
			return err
		}
		values[i] = v
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

func (l *load) workers(tensors int) int {
	n := l.s.opts.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return min(n, tensors)
}

// readTensor reads one tensor, or the part of it that is asked for, straight
// into a tensor's memory.
func (l *load) readTensor(ctx context.Context, t *restoredTensor) (*tf.Tensor, error) {
	info, _ := l.reader.Lookup(t.name)
	shape, part := info.Shape, checkpoint.Slice(nil)
	if t.spec != "" {
		full, slice, err := checkpoint.ParseSliceSpec(t.spec)
		if err != nil {
			return nil, err
		}
		if shape, err = slice.Shape(full); err != nil {
			return nil, err
		}
		part = slice
	}
	if info.DType == dtype.String {
		return l.readStrings(ctx, t.name, shape, part)
	}
	n, ok := checkpoint.NumElements(shape)
	if !ok {
		return nil, fmt.Errorf("%w: tensor %s of shape %v", checkpoint.ErrCorrupt, t.name, shape)
	}
	size := n * int64(dtype.Size(info.DType))
	if l.opts.Mapped && part == nil && size > 0 {
		if v, err := l.mapTensor(t.name, info, shape); v != nil || err != nil {
			return v, err
		}
	}
	v, err := capi.AllocateTensor(tf.DataType(info.DType), shape)
	if err != nil {
		return nil, err
	}
	var into []byte
	if size > 0 {
		into = v.TensorData()
	}
	if part == nil {
		err = l.reader.ReadInto(ctx, t.name, into)
	} else {
		err = l.reader.ReadSliceInto(ctx, t.name, part, into)
	}
	if err != nil {
		tf.Release(v)
		return nil, err
	}
	return v, nil
}

// mapTensor lends a tensor the file's memory. Nil without an error means that
// this tensor can't be lent and has to be read.
func (l *load) mapTensor(name string, info checkpoint.TensorInfo, shape []int64) (*tf.Tensor, error) {
	if len(info.Slices) > 0 {
		return nil, nil
	}
	memory, unmap, err := l.reader.Map(name)
	if err != nil {
		return nil, err
	}
	return capi.ForeignTensor(tf.DataType(info.DType), shape, memory, func() { _ = unmap() })
}

func (l *load) readStrings(ctx context.Context, name string, shape []int64, part checkpoint.Slice) (*tf.Tensor, error) {
	var elements [][]byte
	var err error
	if part == nil {
		elements, err = l.reader.ReadStrings(ctx, name)
	} else {
		elements, err = l.reader.ReadSliceStrings(ctx, name, part)
	}
	if err != nil {
		return nil, err
	}
	return capi.NewStrings(shape, elements)
}
