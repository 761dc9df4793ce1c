package saver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/tf"
)

// snapshot is the values of a save on their way from the session to the files.
// It holds the tensors that the session gave, without copying them; what it has
// written it lets go of.
type snapshot struct {
	shards  int
	tensors []checkpoint.Tensor
	held    []*tf.Tensor // parallel to tensors; nil once released
	total   int64
}

// fetch takes the values that the save nodes would write. A resource variable
// gives a snapshot that later steps don't change; copyReferences makes one of
// the variables that don't.
func (s *Saver) fetch(ctx context.Context, sess *tf.Session, copyReferences bool) (*snapshot, error) {
	plan, sources, err := s.plans.forSave(s)
	if err != nil {
		return nil, err
	}
	held, err := sess.Run(ctx, nil, sources, nil)
	if err != nil {
		return nil, s.uninitialized(ctx, sess, plan, sources, err)
	}
	snap := &snapshot{shards: plan.shards, held: held}
	for i, t := range plan.tensors {
		value, err := toCheckpointAs(held[i], &t)
		if err != nil {
			snap.release()
			return nil, err
		}
		if copyReferences && t.aliases && value.Data != nil {
			value.Data = slices.Clone(value.Data)
			tf.Release(held[i])
			snap.held[i] = nil
		}
		snap.total += int64(len(value.Data))
		snap.tensors = append(snap.tensors, value)
	}
	return snap, nil
}

// toCheckpointAs is toCheckpoint of what a plan saves.
func toCheckpointAs(value *tf.Tensor, t *savedTensor) (checkpoint.Tensor, error) {
	c, err := toCheckpoint(value)
	if err == nil && t.spec != "" {
		c.Shape, c.Slice, err = checkpoint.ParseSliceSpec(t.spec)
	}
	if err != nil {
		return c, fmt.Errorf("saver: tensor %s: %w", t.name, err)
	}
	c.Name, c.Shard = t.name, t.shard
	return c, nil
}

// toCheckpoint describes a tensor; the bytes stay the session's.
func toCheckpoint(t *tf.Tensor) (checkpoint.Tensor, error) {
	c := checkpoint.Tensor{DType: dtype.DataType(t.DataType()), Shape: t.Shape()}
	if t.DataType() != tf.String {
		if n, _ := checkpoint.NumElements(c.Shape); n > 0 {
			c.Data = t.TensorData()
		}
		return c, nil
	}
	var err error
	c.Strings, err = capi.Strings(t)
	return c, err
}

// batchBytes is how much is handed to the writer at a time, and so how much of
// a snapshot is held longer than it takes to write it.
const batchBytes = 128 << 20

// write makes the data files and the index, and lets go of each tensor that is
// written.
func (snap *snapshot) write(ctx context.Context, j *job) (err error) {
	w, err := j.create(snap.shards)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var done int64
	for start := 0; start < len(snap.tensors); {
		end, size := start, int64(0)
		for end < len(snap.tensors) && (size < batchBytes || end == start) {
			size += int64(len(snap.tensors[end].Data))
			end++
		}
		if err := w.AddAll(ctx, snap.tensors[start:end]); err != nil {
			return err
		}
		for i := start; i < end; i++ {
			tf.Release(snap.held[i])
			snap.held[i] = nil
			snap.tensors[i] = checkpoint.Tensor{}
		}
		done += size
		if j.opts.Progress != nil {
			j.opts.Progress(done, snap.total)
		}
		start = end
	}
	return j.seal(ctx, w)
}

// create begins the checkpoint's files.
func (j *job) create(shards int) (*checkpoint.Writer, error) {
	return checkpoint.Create(localPath(j.file), &checkpoint.WriterOptions{
		NumShards: shards,
		Alignment: j.s.opts.Alignment,
		NoSync:    j.s.opts.NoSync,
		Workers:   j.s.opts.Workers,
		FS:        j.s.fs,
	})
}

// seal adds the meta graph and makes the checkpoint appear.
func (j *job) seal(ctx context.Context, w *checkpoint.Writer) error {
	if j.meta != nil {
		if err := w.AddFile("."+j.opts.metaGraphSuffix(), j.meta); err != nil {
			return err
		}
	}
	return w.Commit(ctx)
}

// release lets go of what wasn't written.
func (snap *snapshot) release() {
	tf.Release(snap.held...)
	snap.held, snap.tensors = nil, nil
}

// maxUninitialized bounds how many variables an error names.
const maxUninitialized = 20

// uninitialized finds out which variables have no value when a fetch of all
// failed for that reason: halves that can be fetched are all right.
func (s *Saver) uninitialized(ctx context.Context, sess *tf.Session, plan *savePlan, sources []tf.Output, cause error) error {
	if errors.Is(cause, tfkeep.ErrClosed) || !errors.Is(cause, tf.ErrFailedPrecondition) && !errors.Is(cause, tf.ErrNotFound) {
		return fmt.Errorf("saver: reading the variables: %w", cause)
	}
	var names []string
	var find func(from, to int)
	find = func(from, to int) {
		if len(names) >= maxUninitialized || ctx.Err() != nil {
			return
		}
		got, err := sess.Run(ctx, nil, sources[from:to], nil)
		tf.Release(got...)
		switch middle := (from + to) / 2; {
		case err == nil:
		case to-from == 1:
			names = append(names, plan.tensors[from].name)
		default:
			find(from, middle)
			find(middle, to)
		}
	}
	find(0, len(sources))
	if len(names) == 0 {
		return fmt.Errorf("saver: reading the variables: %w", cause)
	}
	return &UninitializedError{Names: names, Err: cause}
}
