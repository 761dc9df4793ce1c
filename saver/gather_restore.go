package saver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// scatter gives the variables of a cluster their values from files of this
// machine. A model may be larger than this machine's memory: what is more than one
// batch is read twice, for its checksums first.
func (l *load) scatter(ctx context.Context, fitting []restoredTensor) (err error) {
	if len(fitting) == 0 {
		return nil
	}
	g, err := l.s.gathererFor(l.sess)
	if err != nil {
		return err
	}
	fitting = togetherByAssignment(fitting)
	sizes := make([]int64, len(fitting))
	var total int64
	for i, t := range fitting {
		if sizes[i], err = l.bytes(&t); err != nil {
			return err
		}
		if sizes[i] > tf.MaxMessage {
			return &TooLargeError{Key: t.name, Bytes: sizes[i]}
		}
		total += sizes[i]
	}
	batches := l.assignmentBatches(g, fitting, sizes, total)
	if len(batches) > 1 && !l.opts.Mapped {
		if err := l.verify(ctx, fitting); err != nil {
			return err
		}
	}
	if err := g.reach(ctx, len(fitting), func(i int) task { return g.owner(fitting[i].index, false) }); err != nil {
		return err
	}
	var begun atomic.Bool
	var done int64
	err = parallel.InOrder(ctx, len(batches), l.s.opts.batches(), func(ctx context.Context, b int) (int64, error) {
		return l.assignBatch(ctx, g, fitting, batches[b], &begun)
	}, func(_ int, bytes int64) error {
		if done += bytes; l.opts.Progress != nil {
			l.opts.Progress(done, total)
		}
		return nil
	})
	if err != nil {
		g.forget()
		if begun.Load() {
			err = fmt.Errorf("%w: %w", ErrHalfRestored, err)
		}
	}
	return err
}

// togetherByAssignment moves tensors that one operation takes beside each other.
func togetherByAssignment(fitting []restoredTensor) []restoredTensor {
	first := map[string]int{}
	for i, t := range fitting {
		if _, ok := first[t.assign]; !ok {
			first[t.assign] = i
		}
	}
	out := slices.Clone(fitting)
	slices.SortStableFunc(out, func(a, b restoredTensor) int { return cmp.Compare(first[a.assign], first[b.assign]) })
	return out
}

// bytes is how large a tensor, or the part of it that is asked for, is.
func (l *load) bytes(t *restoredTensor) (int64, error) {
	info, _ := l.reader.Lookup(t.name)
	if t.spec == "" || info.DType == dtype.String {
		return info.Bytes, nil
	}
	full, slice, err := checkpoint.ParseSliceSpec(t.spec)
	if err != nil {
		return 0, err
	}
	shape, err := slice.Shape(full)
	if err != nil {
		return 0, err
	}
	n, _ := checkpoint.NumElements(shape)
	return n * int64(dtype.Size(info.DType)), nil
}

// assignmentBatches divides the tensors, but never what one operation takes.
func (l *load) assignmentBatches(g *gatherer, fitting []restoredTensor, sizes []int64, total int64) [][]int {
	var units [][]int
	var unitSizes []int64
	for i, t := range fitting {
		if i > 0 && fitting[i-1].assign == t.assign {
			units[len(units)-1] = append(units[len(units)-1], i)
			unitSizes[len(units)-1] += sizes[i]
			continue
		}
		units = append(units, []int{i})
		unitSizes = append(unitSizes, sizes[i])
	}
	lanes := map[task]int{}
	batches := inBatches(unitSizes, func(u int) int {
		owner := g.owner(fitting[units[u][0]].index, false)
		if _, ok := lanes[owner]; !ok {
			lanes[owner] = len(lanes)
		}
		return lanes[owner]
	}, l.s.opts.batchBytes(total))
	for b, some := range batches {
		var tensors []int
		for _, u := range some {
			tensors = append(tensors, units[u]...)
		}
		batches[b] = tensors
	}
	return batches
}

// verify reads everything for its checksums, and keeps nothing.
func (l *load) verify(ctx context.Context, fitting []restoredTensor) error {
	var names []string
	for _, t := range fitting {
		names = append(names, t.name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return parallel.InOrder(ctx, len(names), l.workers(len(names)), func(ctx context.Context, i int) (struct{}, error) {
		return struct{}{}, l.verifyTensor(ctx, names[i])
	}, func(int, struct{}) error { return nil })
}

func (l *load) verifyTensor(ctx context.Context, name string) error {
	if info, _ := l.reader.Lookup(name); info.DType == dtype.String {
		_, err := l.reader.ReadStrings(ctx, name)
		return err
	}
	r, err := l.reader.OpenTensor(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

// assignBatch reads some tensors and runs their assignments, and tells how many
// bytes that were.
func (l *load) assignBatch(ctx context.Context, g *gatherer, fitting []restoredTensor, batch []int, begun *atomic.Bool) (int64, error) {
	values := make([]*tf.Tensor, len(batch))
	defer func() { tf.Release(values...) }()
	var bytes int64
	for k, i := range batch {
		var err error
		if values[k], err = l.readTensor(ctx, &fitting[i]); err != nil {
			return 0, err
		}
		size, err := l.bytes(&fitting[i])
		if err != nil {
			return 0, err
		}
		bytes += size
	}
	return bytes, g.each(ctx, batch, func(i int) task { return g.owner(fitting[i].index, false) }, func(ctx context.Context, r *route, places []int) error {
		feeds := make(map[tf.Output]*tf.Tensor, len(places))
		some := make([]restoredTensor, len(places))
		for k, place := range places {
			t := fitting[batch[place]]
			name := t.output
			if r.parts != nil {
				name = r.parts.feeds[t.index]
			}
			o, err := r.graph.OutputByName(name)
			if err != nil {
				return err
			}
			some[k], feeds[o] = t, values[place]
		}
		targets, err := assignments(r.graph, some)
		if err != nil {
			return err
		}
		begun.Store(true)
		_, err = r.sess.Run(ctx, feeds, nil, targets)
		return err
	})
}
