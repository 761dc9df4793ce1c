package saver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// With saver.Files on a cluster, no machine but this one touches files: values
// are fetched and fed in batches small enough for a message and for this process's
// memory, several on their way at once, while others are written or read.

// GatherOptions tune how saver.Files moves values between the servers of a cluster
// and this process. Nil, and the zero value, are right for most. Sessions without
// a Target do not look at it.
type GatherOptions struct {
	// Cluster lets values come from the servers that hold them, and go there,
	// straight: the Saver then opens sessions of its own, with the options of the
	// one that it is given, on each server. Without it they pass through the
	// session's server, which takes about twice as long. It has no effect on
	// sessions with Isolate, on variables without a task of their own, and on
	// servers that it doesn't list.
	Cluster *tf.ClusterSpec
	// BatchBytes is how much one run moves; 0 means 16 MiB, and up to 64 MiB for
	// more than 4 GiB in all, since servers prepare a graph for each batch when it
	// first runs. A larger variable moves by itself. What one batch holds of one
	// server is of one moment.
	BatchBytes int64
	// Batches is how many batches are under way at once, which takes about three
	// times their size in memory; 0 means 4.
	Batches int
}

const (
	// Smaller batches have a server prepare more graphs, and larger ones don't fit
	// its caches and take fresh memory each time: both take longer.
	minBatchBytes  = 16 << 20
	maxBatchBytes  = 64 << 20
	manyBatches    = 256
	defaultBatches = 4
	// unknownParts: so many tensors of unknown size make a batch.
	unknownParts = 8
)

// batchBytes is the size of a batch where there are so many bytes in all.
func (o *Options) batchBytes(total int64) int64 {
	if o.Gather == nil || o.Gather.BatchBytes == 0 {
		return min(max(total/manyBatches, minBatchBytes), maxBatchBytes)
	}
	return o.Gather.BatchBytes
}

func (o *Options) batches() int {
	if o.Gather == nil || o.Gather.Batches == 0 {
		return defaultBatches
	}
	return o.Gather.Batches
}

func (o *GatherOptions) check() error {
	switch {
	case o == nil:
		return nil
	case o.BatchBytes < 0 || o.BatchBytes > tf.MaxMessage:
		return fmt.Errorf("%w: Gather.BatchBytes is %d; it lies between 0 and %d, which is what a message holds", ErrArgument, o.BatchBytes, tf.MaxMessage)
	case o.Batches < 0:
		return fmt.Errorf("%w: Gather.Batches is negative", ErrArgument)
	}
	return nil
}

// gathering is a save whose values come through a session bit by bit.
type gathering struct {
	*gatherer
	plan    *savePlan
	sources []tf.Output
	batches [][]int // of tensors of the plan
	total   int64
}

// gather prepares to fetch. What can't be fetched is refused here.
func (s *Saver) gather(ctx context.Context, sess *tf.Session) (*gathering, error) {
	plan, sources, err := s.plans.forSave(s)
	if err != nil {
		return nil, err
	}
	gr, err := s.gathererFor(sess)
	if err != nil {
		return nil, err
	}
	g := &gathering{gatherer: gr, plan: plan, sources: sources}
	sizes := make([]int64, len(sources))
	for i, o := range sources {
		sizes[i] = staticBytes(o)
		if sizes[i] > tf.MaxMessage {
			return nil, &TooLargeError{Key: plan.tensors[i].name, Bytes: sizes[i]}
		}
		g.total += max(sizes[i], 0)
	}
	if err := g.reach(ctx, len(sources), func(i int) task { return g.owner(i, true) }); err != nil {
		return nil, err
	}
	g.batches = inBatches(sizes, func(i int) int { return plan.tensors[i].shard }, s.opts.batchBytes(g.total))
	return g, nil
}

// staticBytes is how large a tensor is for all that the graph says, or -1.
func staticBytes(o tf.Output) int64 {
	size := int64(dtype.Size(dtype.Base(o.DataType())))
	dims, err := o.Shape().ToSlice()
	if err != nil || size == 0 || !o.Shape().IsFullySpecified() {
		return -1
	}
	n, ok := checkpoint.NumElements(dims)
	if !ok || n > 1<<50 {
		return 1 << 60
	}
	return n * size
}

// inBatches divides tensors, which keep their order within a lane, and takes the
// lanes in turn, for they are served by different machines. A size of -1 is
// unknown.
func inBatches(sizes []int64, lane func(int) int, limit int64) [][]int {
	var lanes [][][]int
	number := map[int]int{}
	room := map[int]int64{}
	for i, size := range sizes {
		if size < 0 {
			size = limit / unknownParts
		}
		l, ok := number[lane(i)]
		if !ok {
			l = len(lanes)
			number[lane(i)] = l
			lanes = append(lanes, nil)
		}
		if len(lanes[l]) == 0 || size > room[l] {
			lanes[l] = append(lanes[l], nil)
			room[l] = limit
		}
		room[l] -= size
		last := len(lanes[l]) - 1
		lanes[l][last] = append(lanes[l][last], i)
	}
	var out [][]int
	for k := 0; ; k++ {
		before := len(out)
		for _, l := range lanes {
			if k < len(l) {
				out = append(out, l[k])
			}
		}
		if len(out) == before {
			return out
		}
	}
}

// write fetches the values and writes them as they come.
func (g *gathering) write(ctx context.Context, j *job) (err error) {
	w, err := j.create(g.plan.shards)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var done int64
	var held tensorBag
	defer held.release()
	err = parallel.InOrder(ctx, len(g.batches), g.s.opts.batches(), func(ctx context.Context, b int) ([]*tf.Tensor, error) {
		values, err := g.fetch(ctx, g.batches[b])
		held.add(values)
		return values, err
	}, func(b int, values []*tf.Tensor) error {
		batch := make([]checkpoint.Tensor, len(values))
		for k, i := range g.batches[b] {
			var err error
			if batch[k], err = toCheckpointAs(values[k], &g.plan.tensors[i]); err != nil {
				return err
			}
			done += int64(len(batch[k].Data))
		}
		if err := w.AddAll(ctx, batch); err != nil {
			return err
		}
		held.drop(values)
		if j.opts.Progress != nil {
			j.opts.Progress(done, max(g.total, done))
		}
		return nil
	})
	if err != nil {
		g.forget()
		return err
	}
	return j.seal(ctx, w)
}

// fetch gets the values of some tensors, from each server in one run.
func (g *gathering) fetch(ctx context.Context, wanted []int) ([]*tf.Tensor, error) {
	values := make([]*tf.Tensor, len(wanted))
	err := g.each(ctx, wanted, func(i int) task { return g.owner(i, true) }, func(ctx context.Context, r *route, places []int) error {
		fetches := make([]tf.Output, len(places))
		for k, place := range places {
			o, err := r.source(g, wanted[place])
			if err != nil {
				return err
			}
			fetches[k] = o
		}
		got, err := g.run(ctx, r.sess, wanted, places, fetches)
		for k, place := range places {
			if err == nil {
				values[place] = got[k]
			}
		}
		return err
	})
	if err != nil {
		tf.Release(values...)
		return nil, err
	}
	return values, nil
}

// run fetches, in smaller parts where the values turn out to be too much for a
// message, as those of tables and strings may.
func (g *gathering) run(ctx context.Context, sess *tf.Session, wanted, places []int, fetches []tf.Output) ([]*tf.Tensor, error) {
	got, err := sess.Run(ctx, nil, fetches, nil)
	switch {
	case err == nil:
		return got, nil
	case !isTooLarge(err):
		part := &savePlan{tensors: make([]savedTensor, len(places))}
		for k, place := range places {
			part.tensors[k] = g.plan.tensors[wanted[place]]
		}
		return nil, g.s.uninitialized(ctx, sess, part, fetches, err)
	case len(fetches) == 1:
		return nil, &TooLargeError{Key: g.plan.tensors[wanted[places[0]]].name, Bytes: -1, Err: err}
	}
	middle := len(fetches) / 2
	first, err := g.run(ctx, sess, wanted, places[:middle], fetches[:middle])
	if err != nil {
		return nil, err
	}
	second, err := g.run(ctx, sess, wanted, places[middle:], fetches[middle:])
	if err != nil {
		tf.Release(first...)
		return nil, err
	}
	return append(first, second...), nil
}

// isTooLarge knows the errors of a master and of a worker whose answer is no
// message any more.
func isTooLarge(err error) bool {
	return errors.Is(err, tf.ErrInternal) &&
		(strings.Contains(err.Error(), "too large to be serialized") || strings.Contains(err.Error(), "2GB protobuf limit"))
}

// tensorBag holds the tensors that are to be released in the end, whatever
// happens.
type tensorBag struct {
	mu  sync.Mutex
	all map[*tf.Tensor]struct{}
}

func (b *tensorBag) add(tensors []*tf.Tensor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[*tf.Tensor]struct{}{}
	}
	for _, t := range tensors {
		b.all[t] = struct{}{}
	}
}

// drop releases tensors now.
func (b *tensorBag) drop(tensors []*tf.Tensor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range tensors {
		delete(b.all, t)
	}
	tf.Release(tensors...)
}

func (b *tensorBag) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for t := range b.all {
		tf.Release(t)
	}
	b.all = nil
}
