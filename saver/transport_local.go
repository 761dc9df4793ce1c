package saver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// localTransport exchanges the values with a session of this process.
type localTransport struct {
	nodes      *saverNodes
	sess       *tf.Session
	sequential bool // Options.RestoreSequentially
}

// fetch takes the values that the save nodes would write. The value of a resource
// variable is a snapshot that later steps don't change; copyReferences makes one of
// the variables whose values do change.
func (t *localTransport) fetch(ctx context.Context, copyReferences bool) (values, error) {
	plan, sources, err := t.nodes.savePlan()
	if err != nil {
		return nil, err
	}
	if t.nodes.plainSave != nil {
		return t.fetchThroughMemory(ctx, plan)
	}
	held, err := t.sess.Run(ctx, nil, sources, nil, fetchOptions(plan.Tensors))
	if err != nil {
		return nil, explainFetch(ctx, t.sess, plan.Tensors, sources, err)
	}
	snap := &snapshot{shards: plan.Shards, held: held}
	for i, planned := range plan.Tensors {
		value, err := t.nodes.toPlanned(held[i], &planned)
		if err != nil {
			snap.release()
			return nil, err
		}
		if copyReferences && planned.Aliases && value.Data != nil {
			value.Data = slices.Clone(value.Data)
			tf.Release(held[i])
			snap.held[i] = nil
		}
		snap.total += int64(len(value.Data))
		snap.tensors = append(snap.tensors, value)
	}
	return snap, nil
}

// fetchOptions returns the options of the run that fetches tensors. Snapshots cost so little
// that the run is over sooner in the calling thread than in others, which have to be woken,
// while training waits for it.
func fetchOptions(tensors []savergraph.Saved) *tf.RunOptions {
	const callingThread = -1
	if slices.ContainsFunc(tensors, func(t savergraph.Saved) bool { return t.Aliases }) {
		return nil
	}
	return &tf.RunOptions{Proto: &for_core_protos_go_proto.RunOptions{InterOpThreadPool: callingThread}}
}

// restore reads all values and assigns them in one run, or with sequential one after
// the other.
func (t *localTransport) restore(ctx context.Context, l *load) (*RestoreReport, error) {
	report, fitting, err := l.check(ctx)
	if err != nil || len(fitting) == 0 {
		return report, err
	}
	if t.sequential {
		l.ownMemory = true
		err = l.assignInBatches(ctx, nil, newServers(t.sess, t.nodes.g, nil, nil), fitting, oneByOne(nil))
	} else {
		err = t.assign(ctx, l, fitting)
	}
	if err != nil {
		return nil, err
	}
	return report, nil
}

// assign feeds the values in place of what the restore nodes would have read, and
// runs the assignments.
func (t *localTransport) assign(ctx context.Context, l *load, fitting []savergraph.Restored) error {
	if done, err := t.assignThroughMemory(ctx, l, fitting); done || err != nil {
		return err
	}
	values, err := l.read(ctx, fitting)
	defer tf.Release(values...)
	if err != nil {
		return err
	}
	if len(fitting) == len(l.plan) {
		return t.nodes.assignAll(ctx, t.sess, values)
	}
	feeds := make(map[tf.Output]*tf.Tensor, len(fitting))
	for i, wanted := range fitting {
		o, err := t.nodes.g.OutputByName(wanted.Output)
		if err != nil {
			return err
		}
		feeds[o] = values[i]
	}
	targets, err := assignments(t.nodes.g, fitting)
	if err != nil {
		return err
	}
	_, err = t.sess.Run(ctx, feeds, nil, targets, nil)
	return err
}

// snapshot holds the values of a save on their way from a session to the files. They
// are the tensors that the session returned, without a copy; each is released once it
// is written.
type snapshot struct {
	shards  int
	tensors []checkpoint.Tensor
	held    []*tf.Tensor // parallel to tensors; nil once released
	total   int64
}

// writeBytes is how much is handed to the writer at a time, and so how much of a
// snapshot is held longer than it takes to write it.
const writeBytes = 128 << 20

// write writes the data files and the index, and releases each tensor that is
// written.
func (snap *snapshot) write(ctx context.Context, to *target) (_ string, err error) {
	w, err := to.create(ctx, snap.shards)
	if err != nil {
		return "", err
	}
	defer closeInto(&err, w.Close)

	var done int64
	for start := 0; start < len(snap.tensors); {
		end, size := start, int64(0)
		for end < len(snap.tensors) && (size < writeBytes || end == start) {
			size += int64(len(snap.tensors[end].Data))
			end++
		}
		if err := w.Add(ctx, snap.tensors[start:end]...); err != nil {
			return "", err
		}
		for i := start; i < end; i++ {
			tf.Release(snap.held[i])
			snap.held[i] = nil
			snap.tensors[i] = checkpoint.Tensor{}
		}
		done += size
		to.report(done, snap.total)
		start = end
	}
	return to.path, to.commit(ctx, w)
}

func (snap *snapshot) release() {
	tf.Release(snap.held...)
	snap.held, snap.tensors = nil, nil
}

func (snap *snapshot) inBackground() bool { return true }

// toPlanned describes a fetched tensor as the save plan wants it written.
func (n *saverNodes) toPlanned(value *tf.Tensor, t *savergraph.Saved) (checkpoint.Tensor, error) {
	c, err := toCheckpoint(value)
	if err == nil && t.Slice != "" {
		c.Shape, c.Slice, err = checkpoint.ParseSliceSpec(t.Slice)
	}
	if err == nil {
		err = n.checkSaved(t, c.DType, c.Shape)
	}
	if err != nil {
		return c, &tfkeep.Error{Item: "tensor", Name: t.Key, Cause: err}
	}
	c.Name, c.Shard = t.Key, t.Shard
	return c, nil
}

// toCheckpoint describes a tensor; the bytes stay the session's.
func toCheckpoint(t *tf.Tensor) (checkpoint.Tensor, error) {
	c := checkpoint.Tensor{DType: dtype.DataType(t.DataType()), Shape: t.Shape()}
	if t.DataType() != tensorflow.String {
		if n, _ := dtype.NumElements(c.Shape); n > 0 {
			c.Data = t.TensorData()
		}
		return c, nil
	}
	var err error
	c.Strings, err = capi.Strings(t)
	return c, err
}

// maxUninitialized bounds how many variables an error names.
const maxUninitialized = 20

// explainFetch finds the variables without a value when a fetch of all of them failed
// for that reason. It fetches halves, for a half that can be fetched is all right.
func explainFetch(ctx context.Context, sess *tf.Session, tensors []savergraph.Saved, sources []tf.Output, cause error) error {
	if errors.Is(cause, tfkeep.ErrClosed) || !errors.Is(cause, status.FailedPrecondition) && !errors.Is(cause, status.NotFound) {
		return fmt.Errorf("read the variables: %w", cause)
	}
	var names []string
	var find func(from, to int)
	find = func(from, to int) {
		if len(names) >= maxUninitialized || ctx.Err() != nil {
			return
		}
		got, err := sess.Run(ctx, nil, sources[from:to], nil, nil)
		tf.Release(got...)
		switch middle := (from + to) / 2; {
		case err == nil:
		case to-from == 1:
			names = append(names, tensors[from].Key)
		default:
			find(from, middle)
			find(middle, to)
		}
	}
	find(0, len(sources))
	if len(names) == 0 {
		return fmt.Errorf("read the variables: %w", cause)
	}
	var one *tf.UninitializedError
	if errors.As(cause, &one) {
		cause = one.Err // it names one of the variables
	}
	return &tf.UninitializedError{Variables: names, Err: cause}
}
