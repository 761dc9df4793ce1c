package saver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// gatheredTransport exchanges the values with the servers of a cluster, so that no
// machine but this one touches files. The batches are small enough for a message and
// for this process's memory; several are on their way at once, while others are
// written or read.
type gatheredTransport struct {
	nodes *saverNodes
	pool  *serverPool
	sess  *tf.Session
	opts  *GatherOptions

	sequential bool // Options.RestoreSequentially
}

// fetch prepares to fetch the values. It refuses what can't be fetched.
func (t *gatheredTransport) fetch(ctx context.Context, _ bool) (values, error) {
	plan, sources, err := t.nodes.savePlan()
	if err != nil {
		return nil, err
	}
	servers, err := t.pool.forSession(t.sess, t.nodes, t.opts.cluster())
	if err != nil {
		return nil, err
	}
	v := &remoteValues{nodes: t.nodes, pool: t.pool, servers: servers, plan: plan, sources: sources, workers: t.opts.batches()}
	sizes := make([]int64, len(sources))
	for i, o := range sources {
		sizes[i] = staticBytes(o)
		if sizes[i] > capi.MaxMessage {
			return nil, tooLarge(plan.Tensors[i].Key, fmt.Sprint(sizes[i], " bytes"), nil)
		}
		v.total += max(sizes[i], 0)
	}
	if err := servers.dial(ctx, len(sources), servers.savedOn); err != nil {
		t.pool.drop(servers)
		return nil, err
	}
	v.batches = inBatches(sizes, func(i int) int { return plan.Tensors[i].Shard }, t.opts.batchBytes(v.total))
	return v, nil
}

// restore checks the checkpoint, then reads and assigns it in batches.
func (t *gatheredTransport) restore(ctx context.Context, l *load) (*RestoreReport, error) {
	report, fitting, err := l.check(ctx)
	if err != nil || len(fitting) == 0 {
		return report, err
	}
	servers, err := t.pool.forSession(t.sess, t.nodes, t.opts.cluster())
	if err != nil {
		return nil, err
	}
	o := t.opts
	if t.sequential {
		o = oneByOne(o)
	}
	if err := l.assignInBatches(ctx, t.pool, servers, fitting, o); err != nil {
		return nil, err
	}
	return report, nil
}

// remoteValues are the values of a save that are fetched while it writes them.
type remoteValues struct {
	nodes   *saverNodes
	pool    *serverPool
	servers *servers
	plan    *savergraph.SavePlan
	sources []tf.Output
	batches [][]int // of tensors of the plan
	workers int
	total   int64
}

// write fetches the values and writes them as they come.
func (v *remoteValues) write(ctx context.Context, to *target) (_ string, err error) {
	w, err := to.create(ctx, v.plan.Shards)
	if err != nil {
		return "", err
	}
	defer closeInto(&err, w.Close)

	var done int64
	var held tensorBag
	defer held.release()
	next := 0
	for values, err := range parallel.InOrder(ctx, len(v.batches), v.workers, func(ctx context.Context, b int) ([]*tf.Tensor, error) {
		values, err := v.fetch(ctx, v.batches[b])
		held.add(values)
		return values, err
	}) {
		var bytes int64
		if err == nil {
			bytes, err = v.add(ctx, w, v.batches[next], values)
		}
		if err != nil {
			v.pool.drop(v.servers)
			return "", err
		}
		next++
		held.drop(values)
		done += bytes
		to.report(done, max(v.total, done))
	}
	return to.path, to.commit(ctx, w)
}

// add writes one batch and returns its size.
func (v *remoteValues) add(ctx context.Context, w *checkpoint.Writer, wanted []int, values []*tf.Tensor) (int64, error) {
	batch := make([]checkpoint.Tensor, len(values))
	var bytes int64
	for k, i := range wanted {
		var err error
		if batch[k], err = v.nodes.toPlanned(values[k], &v.plan.Tensors[i]); err != nil {
			return 0, err
		}
		bytes += int64(len(batch[k].Data))
	}
	return bytes, w.Add(ctx, batch...)
}

func (v *remoteValues) release() {}

func (v *remoteValues) inBackground() bool { return true }

// fetch gets the values of some tensors, from each server in one run.
func (v *remoteValues) fetch(ctx context.Context, wanted []int) ([]*tf.Tensor, error) {
	values := make([]*tf.Tensor, len(wanted))
	err := v.servers.each(ctx, wanted, v.servers.savedOn, func(ctx context.Context, r *route, indices []int) error {
		tensors := make([]savergraph.Saved, len(indices))
		fetches := make([]tf.Output, len(indices))
		for k, index := range indices {
			i := wanted[index]
			o, err := v.source(r, i)
			if err != nil {
				return err
			}
			tensors[k], fetches[k] = v.plan.Tensors[i], o
		}
		got, err := fetchInParts(ctx, r.sess, tensors, fetches)
		for k, index := range indices {
			if err == nil {
				values[index] = got[k]
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

// source returns the output to fetch through r for tensor i of the save plan.
func (v *remoteValues) source(r *route, i int) (tf.Output, error) {
	if r.parts == nil {
		return v.sources[i], nil
	}
	return r.graph.OutputByName(v.plan.Tensors[i].Source)
}

// fetchInParts fetches tensors, in smaller parts where the values turn out to be too
// much for a message, as those of tables and strings may.
func fetchInParts(ctx context.Context, sess *tf.Session, tensors []savergraph.Saved, fetches []tf.Output) ([]*tf.Tensor, error) {
	got, err := sess.Run(ctx, nil, fetches, nil, nil)
	switch {
	case err == nil:
		return got, nil
	case !isTooLarge(err):
		return nil, explainFetch(ctx, sess, tensors, fetches, err)
	case len(fetches) == 1:
		return nil, tooLarge(tensors[0].Key, "the value", err)
	}
	middle := len(fetches) / 2
	first, err := fetchInParts(ctx, sess, tensors[:middle], fetches[:middle])
	if err != nil {
		return nil, err
	}
	second, err := fetchInParts(ctx, sess, tensors[middle:], fetches[middle:])
	if err != nil {
		tf.Release(first...)
		return nil, err
	}
	return append(first, second...), nil
}

// isTooLarge recognizes the errors of a master and of a worker whose answer does not
// fit a message.
func isTooLarge(err error) bool {
	return errors.Is(err, status.Internal) &&
		(strings.Contains(err.Error(), "too large to be serialized") || strings.Contains(err.Error(), "2GB protobuf limit"))
}

// tensorBag holds tensors that must be released in the end, whatever happens.
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
