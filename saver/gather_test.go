package saver_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// gatherOptions returns the ways to move values through a session.
func gatherOptions(t *testing.T) []named[*saver.GatherOptions] {
	return []named[*saver.GatherOptions]{
		{"through the worker", nil},
		{"in small batches", &saver.GatherOptions{BatchBytes: 40, Batches: 3}},
		{"from each server", &saver.GatherOptions{Cluster: runningCluster(t).Spec(), BatchBytes: 40}},
		{"one after the other", &saver.GatherOptions{Cluster: runningCluster(t).Spec(), Batches: 1}},
	}
}

// Tables, whose size is unknown before they are fetched, and values that only the session
// can compute are saved and restored like variables.
func TestGatheredTables(t *testing.T) {
	for _, test := range gatherOptions(t) {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			prefix := "tables_" + strings.ReplaceAll(name, " ", "_")
			clusterModel(t, g, prefix)
			var handles []tf.Output
			for task := range 2 {
				onPS(t, g, task, func() {
					item, handle := table(t, g, fmt.Sprint(prefix, "_table", task))
					g.AddToCollection(tf.SaveableObjects, item)
					handles = append(handles, handle)
				})
			}
			s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Files, Gather: o})
			sess := clusterSession(t, runningCluster(t), g)
			initialize(t, g, sess)
			insert(t, sess, handles[0], "a", 1)
			insert(t, sess, handles[1], "b", 2)
			dir := t.TempDir()
			var saved, restored []int64
			follow := func(to *[]int64) func(int64, int64) {
				return func(done, total int64) {
					*to = append(*to, done)
					assert.LessOrEqual(t, done, total)
				}
			}
			path := mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{Progress: follow(&saved)})
			insert(t, sess, handles[0], "a", 10)
			insert(t, sess, handles[1], "c", 10)
			zero(t, g, sess)
			_, err := s.Restore(ctx, sess, path, &saver.RestoreOptions{Progress: follow(&restored)})
			require.NoError(t, err)
			assert.Equal(t, map[string]float32{"a": 1}, content(t, sess, handles[0]))
			assert.Equal(t, map[string]float32{"b": 2}, content(t, sess, handles[1]))
			assert.NotEmpty(t, saved)
			assert.IsNonDecreasing(t, saved)
			assert.IsIncreasing(t, restored)
			equalCheckpoints(t, path, mustSave(t, s, sess, filepath.Join(dir, "again"), nil))
		})
	}
}

// Partial and renamed restores work in batches, too.
func TestGatheredPartialRestore(t *testing.T) {
	for _, test := range gatherOptions(t) {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			prefix := "partial_" + strings.ReplaceAll(name, " ", "_")
			g := tf.NewGraph()
			var a, b *tf.Variable
			onPS(t, g, 0, func() { a = variable(t, g, prefix+"_a", []float32{1, 2}) })
			onPS(t, g, 1, func() { b = variable(t, g, prefix+"_b", []float32{3, 4}) })
			one := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"other": saver.Var(a)}, Driver: saver.Files, Gather: o})
			both := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"a": saver.Var(a), "b": saver.Var(b)}, Driver: saver.Files, Gather: o})
			sess := clusterSession(t, runningCluster(t), g)
			initialize(t, g, sess)
			path := mustSave(t, one, sess, filepath.Join(t.TempDir(), "m"), nil)
			zero(t, g, sess)
			report, err := both.Restore(ctx, sess, path, &saver.RestoreOptions{Partial: true, Rename: map[string]string{"a": "other"}})
			require.NoError(t, err)
			assert.Equal(t, []string{"other"}, report.Restored)
			assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, a.Value()))
			assert.Equal(t, []float32{0, 0}, tfgraph.Value(t, sess, b.Value()))
		})
	}
}

// The last of many batches is damaged. No variable changes.
func TestGatheredRestoreIsAllOrNothing(t *testing.T) {
	for _, test := range gatherOptions(t) {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			clusterModel(t, g, "damage_"+strings.ReplaceAll(name, " ", "_"))
			s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Files, Gather: o})
			sess := clusterSession(t, runningCluster(t), g)
			initialize(t, g, sess)
			dir := t.TempDir()
			path := mustSave(t, s, sess, filepath.Join(dir, "m"), nil)
			data := path + ".data-00001-of-00002"
			bytes := []byte(read(t, data))
			bytes[len(bytes)-1] ^= 1
			require.NoError(t, os.WriteFile(data, bytes, 0o644))
			zero(t, g, sess)
			before := mustSave(t, s, sess, filepath.Join(dir, "before"), nil)
			err := restore(s, sess, path)
			require.ErrorIs(t, err, tfkeep.ErrCorrupt)
			require.NotErrorIs(t, err, saver.ErrHalfRestored)
			equalCheckpoints(t, before, mustSave(t, s, sess, filepath.Join(dir, "after"), nil))
		})
	}
}

func TestGatheredSaveNamesUninitializedVariables(t *testing.T) {
	for _, test := range gatherOptions(t) {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			prefix := "uninitialized_" + strings.ReplaceAll(name, " ", "_")
			var ready *tf.Variable
			onPS(t, g, 0, func() { ready = variable(t, g, prefix+"_ready", []float32{1}) })
			onPS(t, g, 1, func() { variable(t, g, prefix+"_missing", []float32{1}) })
			s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Files, Gather: o})
			sess := clusterSession(t, runningCluster(t), g)
			require.NoError(t, sess.RunOps(ctx, ready.Initializer()))
			dir := t.TempDir()
			_, err := s.Save(ctx, sess, filepath.Join(dir, "m"), nil)
			require.ErrorIs(t, err, tfkeep.ErrUninitialized)
			var missing *tf.UninitializedError
			require.ErrorAs(t, err, &missing)
			assert.Equal(t, []string{prefix + "_missing"}, missing.Variables)
			assert.Empty(t, files(t, dir))
		})
	}
}

// A tensor that no message holds is refused before anything is written or assigned.
// Otherwise the process would end, or the save fail halfway.
func TestGatherRefusesTooLargeTensors(t *testing.T) {
	g := tf.NewGraph()
	onPS(t, g, 0, func() {
		variable(t, g, "small", []float32{1})
		_, err := tf.NewVariable(g, "huge", tf.Zeros(capi.MaxMessage/4+1), nil)
		require.NoError(t, err)
	})
	s := newSaver(t, g, &saver.Options{Driver: saver.Files})
	sess := clusterSession(t, runningCluster(t), g) // nothing is initialized, and nobody looks
	dir := t.TempDir()
	_, err := s.Save(ctx, sess, filepath.Join(dir, "m"), nil)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	var large *tfkeep.Error
	require.ErrorAs(t, err, &large)
	assert.Equal(t, "huge", large.Name)
	assert.ErrorContains(t, err, fmt.Sprint(capi.MaxMessage+4, " bytes"))
	assert.ErrorContains(t, err, "partition")
	assert.Empty(t, files(t, dir))

	_, err = saver.New(g, &saver.Options{Gather: &saver.GatherOptions{BatchBytes: capi.MaxMessage + 1}})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	_, err = saver.New(g, &saver.Options{Gather: &saver.GatherOptions{Batches: -1}})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}

// SaveAsync returns at once; a restore waits until its values are there.
func TestGatheredSaveAsync(t *testing.T) {
	for _, test := range gatherOptions(t) {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			clusterModel(t, g, "async_"+strings.ReplaceAll(name, " ", "_"))
			s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Files, Gather: o})
			sess := clusterSession(t, runningCluster(t), g)
			initialize(t, g, sess)
			dir := t.TempDir()
			first := mustSave(t, s, sess, filepath.Join(dir, "first"), nil)
			pending, err := s.SaveAsync(ctx, sess, filepath.Join(dir, "second"), nil)
			require.NoError(t, err)
			require.NoError(t, restore(s, sess, first))
			second, err := pending.Wait(ctx)
			require.NoError(t, err)
			equalCheckpoints(t, first, second)
		})
	}
}

// When a server is lost, a save fails and leaves nothing, and a restore fails with
// ErrHalfRestored. With a new server and a new session both work again: the Saver does not
// keep its old sessions.
func TestGatherFromLostServer(t *testing.T) {
	c := startCluster(t, t.TempDir())
	t.Cleanup(c.Stop)
	for _, test := range []named[*saver.GatherOptions]{
		{"through the worker", &saver.GatherOptions{BatchBytes: 40}},
		{"from each server", &saver.GatherOptions{BatchBytes: 40, Cluster: c.Spec()}},
	} {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			clusterModel(t, g, "lost_"+strings.ReplaceAll(name, " ", "_"))
			s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Files, Gather: o})
			sess := clusterSessionWithin(t, c, g, 3*time.Second)
			initialize(t, g, sess)
			dir := t.TempDir()
			path := mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(1)})
			whole := files(t, dir)

			require.NoError(t, c.Kill("ps", 1))
			_, err := s.Save(ctx, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(2)})
			require.ErrorIs(t, err, status.Unavailable)
			assert.Equal(t, whole, files(t, dir))
			err = restore(s, sess, path)
			require.Error(t, err)
			// With the cluster's addresses, the restore fails before it begins.
			assert.Equal(t, o.Cluster == nil, errors.Is(err, saver.ErrHalfRestored), "%v", err)
			_ = sess.Close()
			require.NoError(t, c.Restart(ctx, "ps", 1))

			require.Eventually(t, func() bool {
				sess = clusterSessionWithin(t, c, g, 3*time.Second)
				if err = restore(s, sess, path); err != nil {
					_ = sess.Close()
				}
				return err == nil
			}, 30*time.Second, 100*time.Millisecond, "%v", err)
			require.Eventually(t, func() bool {
				again, err := s.Save(ctx, sess, filepath.Join(dir, "again"), nil)
				if err == nil {
					equalCheckpoints(t, path, again)
				}
				return err == nil
			}, 30*time.Second, 100*time.Millisecond)
		})
	}
}

// The values of an isolated session come through that session.
func TestGatherFromIsolatedSession(t *testing.T) {
	c := runningCluster(t)
	g := tf.NewGraph()
	clusterModel(t, g, "isolated")
	s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Files, Gather: &saver.GatherOptions{Cluster: c.Spec()}})
	sess, err := tf.NewSession(g, &tf.SessionOptions{Target: c.Target("worker", 0), Isolate: true, OperationTimeout: 20 * time.Second})
	require.NoError(t, err)
	defer sess.Close()
	initialize(t, g, sess)
	path := mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
	zero(t, g, sess)
	require.NoError(t, restore(s, sess, path))
}

// Close closes the sessions that the Saver has opened.
func TestCloseClosesGatherSessions(t *testing.T) {
	c := runningCluster(t)
	before := liveObjects()
	g := tf.NewGraph()
	clusterModel(t, g, "closed")
	s, err := saver.New(g, &saver.Options{Driver: saver.Files, Gather: &saver.GatherOptions{Cluster: c.Spec()}})
	require.NoError(t, err)
	sess, err := tf.NewSession(g, &tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: 20 * time.Second})
	require.NoError(t, err)
	initialize(t, g, sess)
	mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
	assert.Equal(t, before.Sessions+3, liveObjects().Sessions, "one on each server")
	require.NoError(t, s.Close())
	assert.Equal(t, before.Sessions+1, liveObjects().Sessions)
	require.NoError(t, sess.Close())
}

func liveObjects() live.Counts {
	runtime.GC()
	return live.Now()
}
