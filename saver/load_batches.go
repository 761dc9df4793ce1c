package saver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// loadBatches are the tensors of a restore, divided into batches.
type loadBatches struct {
	tensors []restoredTensor // those that one operation takes are neighbors
	batches [][]int          // of tensors
	total   int64            // bytes
}

// assignInBatches reads and assigns some tensors at a time, because a model may be
// larger than this machine's memory. Where there is more than one batch, all of the
// files is read before, to compare the checksums.
func (l *load) assignInBatches(ctx context.Context, pool *serverPool, s *servers, fitting []restoredTensor, o *GatherOptions) error {
	b, err := l.divide(s, fitting, o)
	if err != nil {
		return err
	}
	if len(b.batches) > 1 && !l.opts.Mapped {
		if err := l.verify(ctx, fitting); err != nil {
			return err
		}
	}
	if err := s.dial(ctx, len(b.tensors), func(i int) task { return s.restoredOn(b.tensors[i].index) }); err != nil {
		pool.drop(s)
		return err
	}
	var begun atomic.Bool
	var done int64
	err = parallel.InOrder(ctx, len(b.batches), o.batches(), func(ctx context.Context, i int) (int64, error) {
		return l.assignBatch(ctx, s, b.tensors, b.batches[i], &begun)
	}, func(_ int, bytes int64) error {
		if done += bytes; l.opts.Progress != nil {
			l.opts.Progress(done, b.total)
		}
		return nil
	})
	if err != nil {
		pool.drop(s)
		if begun.Load() {
			err = fmt.Errorf("%w: %w", ErrHalfRestored, err)
		}
	}
	return err
}

// divide divides the tensors into batches, but never those that one operation takes.
func (l *load) divide(s *servers, fitting []restoredTensor, o *GatherOptions) (*loadBatches, error) {
	b := &loadBatches{tensors: togetherByAssignment(fitting)}
	var units [][]int
	var sizes []int64
	for i, t := range b.tensors {
		size, err := l.bytes(&t)
		if err != nil {
			return nil, err
		}
		if size > tf.MaxMessage && s.sess.Target() != "" {
			return nil, &TooLargeError{Key: t.name, Bytes: size}
		}
		b.total += size
		if i > 0 && b.tensors[i-1].assign == t.assign {
			units[len(units)-1] = append(units[len(units)-1], i)
			sizes[len(units)-1] += size
			continue
		}
		units = append(units, []int{i})
		sizes = append(sizes, size)
	}
	lanes := map[task]int{}
	b.batches = inBatches(sizes, func(u int) int {
		owner := s.restoredOn(b.tensors[units[u][0]].index)
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

// togetherByAssignment makes tensors that one operation takes neighbors.
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

// assignBatch reads some tensors, runs their assignments, and returns their size in
// bytes. It sets begun before the first variable changes.
func (l *load) assignBatch(ctx context.Context, s *servers, tensors []restoredTensor, batch []int, begun *atomic.Bool) (int64, error) {
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
	owner := func(i int) task { return s.restoredOn(tensors[i].index) }
	return bytes, s.each(ctx, batch, owner, func(ctx context.Context, r *route, indices []int) error {
		feeds := make(map[tf.Output]*tf.Tensor, len(indices))
		some := make([]restoredTensor, len(indices))
		for k, index := range indices {
			t := tensors[batch[index]]
			name := t.output
			if r.parts != nil {
				name = r.parts.feeds[t.index]
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
		_, err = r.sess.Run(ctx, feeds, nil, targets)
		return err
	})
}
