package saver_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// SaveAsync writes the values of the moment when it was called, whatever training does
// meanwhile.
func TestSaveAsyncIsASnapshot(t *testing.T) {
	for _, ref := range []bool{false, true} {
		g := tf.NewGraph()
		v, err := tf.NewVariable(g, "v", tf.Zeros(1<<20), &tf.VariableOptions{Ref: ref})
		require.NoError(t, err)
		add, err := v.AssignAdd(tfgraph.Const(t, g, "", ones(1<<20)))
		require.NoError(t, err)
		s := newSaver(t, g, nil)
		sess := initialized(t, g)
		for i := range 3 {
			before := tfgraph.Value(t, sess, v.Value()).([]float32)[0]
			p, err := s.SaveAsync(ctx, sess, filepath.Join(t.TempDir(), "m"), &saver.SaveOptions{GlobalStep: saver.Step(i)})
			require.NoError(t, err)
			for range 5 {
				require.NoError(t, sess.RunOps(ctx, add))
			}
			path, err := p.Wait(ctx)
			require.NoError(t, err)
			got, err := load[float32](path, "v")
			require.NoError(t, err)
			for _, x := range got {
				require.Equal(t, before, x)
			}
		}
	}
}

// Sparse updates write into the memory of a variable, and so could write into a snapshot.
func TestSaveAsyncIsASnapshotOfSparseUpdates(t *testing.T) {
	const rows, width = 1 << 13, 64
	for _, typ := range []string{"ResourceScatterAdd", "ResourceScatterUpdate", "ResourceSparseApplyAdagrad"} {
		t.Run(typ, func(t *testing.T) {
			g := tf.NewGraph()
			v, err := tf.NewVariable(g, "v", tf.Zeros(rows, width), nil)
			require.NoError(t, err)
			slot, err := tf.NewVariable(g, "slot", tf.Ones(rows, width), nil)
			require.NoError(t, err)
			all := make([]int32, rows)
			for i := range all {
				all[i] = int32(i)
			}
			indices := tfgraph.Const(t, g, "", all)
			shape := tfgraph.Const(t, g, "", []int32{rows, width})
			// One number more each time, so that each update changes each element.
			count, err := tf.NewVariable(g, "count", tf.Zeros(), nil)
			require.NoError(t, err)
			next, err := count.AssignAdd(tfgraph.Const(t, g, "", float32(1)))
			require.NoError(t, err)
			fill := tfgraph.Op(t, g, "Fill", "fill", nil, shape, count.Value())
			inputs := []tf.Input{v.Handle(), indices, fill}
			if typ == "ResourceSparseApplyAdagrad" {
				inputs = []tf.Input{v.Handle(), slot.Handle(), tfgraph.Const(t, g, "", float32(1)), fill, indices}
			}
			update, err := g.AddOp(tf.OpSpec{Type: typ, Name: "update", Input: inputs})
			require.NoError(t, err)
			s := newSaver(t, g, nil)
			sess := initialized(t, g)
			step := func() {
				require.NoError(t, sess.RunOps(ctx, next))
				require.NoError(t, sess.RunOps(ctx, update))
			}
			for i := range 3 {
				step()
				before := tfgraph.Value(t, sess, v.Value()).([][]float32)[0][0]
				p, err := s.SaveAsync(ctx, sess, filepath.Join(t.TempDir(), "m"), &saver.SaveOptions{GlobalStep: saver.Step(i)})
				require.NoError(t, err)
				for range 5 {
					step()
				}
				path, err := p.Wait(ctx)
				require.NoError(t, err)
				got, err := load[float32](path, "v")
				require.NoError(t, err)
				require.False(t, slices.ContainsFunc(got, func(x float32) bool { return x != before }))
				require.NotEqual(t, before, tfgraph.Value(t, sess, v.Value()).([][]float32)[0][0])
			}
		})
	}
}

func ones(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func TestSaveAsyncReportsItsErrorOnce(t *testing.T) {
	s, sess := one(t, nil)
	dir := t.TempDir()
	failing := func() *saver.Pending {
		canceled, cancel := context.WithCancel(ctx)
		defer cancel()
		started := make(chan struct{})
		p, err := s.SaveAsync(canceled, sess, filepath.Join(dir, "m"), &saver.SaveOptions{Progress: func(int64, int64) {
			close(started)
			<-canceled.Done()
		}})
		require.NoError(t, err)
		<-started
		return p
	}
	// Wait has returned the error, so Save succeeds.
	_, err := failing().Wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
	mustSave(t, s, sess, filepath.Join(dir, "m"), nil)
	// Nobody called Wait: the next save returns the error, once.
	failing()
	_, err = s.Save(ctx, sess, filepath.Join(dir, "m"), nil)
	require.ErrorIs(t, err, context.Canceled)
	mustSave(t, s, sess, filepath.Join(dir, "m"), nil)
	failing()
	_, err = s.SaveAsync(ctx, sess, filepath.Join(dir, "m"), nil)
	require.ErrorIs(t, err, context.Canceled)
	failing()
	require.ErrorIs(t, s.Close(), context.Canceled)
	require.NoError(t, s.Close())
	_, err = s.Save(ctx, sess, filepath.Join(dir, "m"), nil)
	require.ErrorIs(t, err, tfkeep.ErrClosed)
}

func TestWaitStopsWithContext(t *testing.T) {
	s, sess := one(t, nil)
	hold := make(chan struct{})
	p, err := s.SaveAsync(ctx, sess, filepath.Join(t.TempDir(), "m"), &saver.SaveOptions{Progress: func(int64, int64) { <-hold }})
	require.NoError(t, err)
	impatient, cancel := context.WithCancel(ctx)
	cancel()
	_, err = p.Wait(impatient)
	require.ErrorIs(t, err, context.Canceled)
	close(hold)
	_, err = p.Wait(ctx)
	require.NoError(t, err)
	<-p.Done()
}

// Saves and restores release their tensors, whether they succeed or not.
func TestSavesReleaseTensors(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	variable(t, g, "a", make([]float32, 1000))
	variable(t, g, "b", []string{"x"})
	refVariable(t, g, "c", []float32{1}, "")
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	path := mustSave(t, s, sess, filepath.Join(dir, "m"), nil)
	unused := live.Now()
	// The first restore prepares a step for the next ones.
	require.NoError(t, restore(s, sess, path))
	before := live.Now()
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	for range 20 {
		mustSave(t, s, sess, filepath.Join(dir, "m"), nil)
		p, err := s.SaveAsync(ctx, sess, filepath.Join(dir, "m"), nil)
		require.NoError(t, err)
		_, err = p.Wait(ctx)
		require.NoError(t, err)
		require.NoError(t, restore(s, sess, path))
		_, err = s.Save(canceled, sess, filepath.Join(dir, "m"), nil)
		require.Error(t, err)
		_, err = s.Restore(canceled, sess, path, nil)
		require.Error(t, err)
		require.Error(t, restore(s, sess, path+"nope"))
	}
	assert.Equal(t, before, live.Now())
	require.NoError(t, s.Close())
	assert.Equal(t, unused, live.Now(), "after Close")
}

// Two Savers of one process take turns. A second process gets an error.
func TestLockRefusesSecondProcess(t *testing.T) {
	dir := os.Getenv("TFKEEP_TEST_LOCKED_DIR")
	if dir != "" {
		s, sess := one(t, nil)
		_, err := s.Save(ctx, sess, filepath.Join(dir, "m"), nil)
		require.ErrorIs(t, err, tfkeep.ErrLocked)
		assert.ErrorContains(t, err, dir)
		assert.ErrorContains(t, err, fmt.Sprint("process ", os.Getppid()), "the owner is named")
		_, err = s.Resume(ctx, sess, dir, nil)
		require.ErrorIs(t, err, tfkeep.ErrLocked)
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		err = s.Lock(short, dir, &saver.LockOptions{Wait: true})
		require.ErrorIs(t, err, context.DeadlineExceeded, "it waited")
		require.ErrorIs(t, err, tfkeep.ErrLocked)
		mustSave(t, s, sess, filepath.Join(dir, "other"), &saver.SaveOptions{LatestFilename: "mine"})
		require.NoError(t, restore(s, sess, filepath.Join(dir, "m")))
		return
	}
	dir = t.TempDir()
	s, sess := one(t, nil)
	mustSave(t, s, sess, filepath.Join(dir, "m"), nil)
	s2 := newSaver(t, sess.Graph(), nil)
	mustSave(t, s2, sess, filepath.Join(dir, "m2"), nil)
	require.NoError(t, s2.Close())

	again := exec.Command(os.Args[0], "-test.run=^TestLockRefusesSecondProcess$", "-test.v")
	again.Env = append(os.Environ(), "TFKEEP_TEST_LOCKED_DIR="+dir)
	out, err := again.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, s.Close())
	assert.NoFileExists(t, filepath.Join(dir, "checkpoint.tfkeep-lock"))
}
