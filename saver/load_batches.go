package saver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// loadBatches are the tensors of a restore, divided into batches.
type loadBatches struct {
	tensors []savergraph.Restored // those that one operation takes are neighbors
	batches [][]int               // of tensors
	total   int64                 // bytes
}

// assignInBatches reads and assigns some tensors at a time, because a model may be
// larger than this machine's memory. Where there is more than one batch, all of the
// files is read before, to compare the checksums.
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

// togetherByAssignment makes tensors that one operation takes neighbors.
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
