package saver_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// A saver that keeps only the newest checkpoint never disturbs a reader of it.
func TestReadWhileSaving(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	variable(t, g, "v", ones(1000))
	s := newSaver(t, g, &saver.Options{MaxToKeep: 1, NoSync: true})
	sess := initialized(t, g)
	mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(0)})
	stop, stopped := make(chan struct{}), make(chan error, 1)
	saves := 0
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			saves++
			if _, err := s.Save(ctx, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(saves)}); err != nil {
				stopped <- err
				return
			}
		}
	}()
	reads, failed := 10_000, 0
	if testing.Short() {
		reads = 500
	}
	for range reads {
		if err := readNewest(t.Context(), dir); err != nil {
			failed++
			t.Log(err)
		}
	}
	close(stop)
	require.NoError(t, <-stopped)
	assert.Zero(t, failed, "of %d reads beside %d saves", reads, saves)
	t.Logf("%d reads beside %d saves", reads, saves)
}

func readNewest(ctx context.Context, folder string) error {
	r, err := dir.Open(ctx, folder, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = checkpoint.Values[float32](ctx, r, "v", nil)
	return err
}

// A process that saves again and again is killed at random moments. Each time the folder
// has the newest complete checkpoint, and after Resume nothing else. TFKEEP_KILLS sets
// the number of kills.
func TestRandomKills(t *testing.T) {
	if dir := os.Getenv("TFKEEP_TEST_KILL_DIR"); dir != "" {
		saveForever(t, dir)
		return
	}
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("TFKEEP_KILLS")); err == nil {
		kills = n
	}
	for _, mode := range []string{"steps", "same"} {
		dir := filepath.Join(t.TempDir(), mode)
		require.NoError(t, os.Mkdir(dir, 0o755))
		newest := int64(0)
		for i := range kills {
			newest = killOnce(t, dir, newest, fmt.Sprintf("%s, kill %d", mode, i))
		}
		t.Logf("%s: %d kills, step %d", mode, kills, newest)
	}
}

// killOnce starts a process that saves, kills it after a while, and checks the folder.
func killOnce(t *testing.T, folder string, newest int64, context string) int64 {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestRandomKills$")
	child.Env = append(os.Environ(), "TFKEEP_TEST_KILL_DIR="+folder)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = io.ReadFull(out, make([]byte, 1)) // it has saved once
	require.NoError(t, err, context)
	time.Sleep(time.Duration(rand.IntN(100_000)) * time.Microsecond)
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()

	g, v, _ := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 2})
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, folder, nil)
	require.NoError(t, err, context)
	require.Empty(t, r.Skipped, context)
	require.Greater(t, r.Step, newest, context)
	require.Equal(t, float32(10*r.Step), tfgraph.Value(t, sess, v.Value()), "%s: torn", context)
	require.FileExists(t, dir.MetaGraphPath(r.Path, ""), context)
	left := len(files(t, folder))
	want := 1 + 3*len(kept(s))
	require.Equal(t, want, left, "%s: garbage in %v", context, files(t, folder))
	require.NoError(t, s.Close())
	return r.Step
}

// saveForever is what the process that is killed runs.
func saveForever(t *testing.T, dir string) {
	g, v, step := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 2})
	grow := func(v *tf.Variable, by any) *tf.Operation {
		op, err := v.AssignAdd(tfgraph.Const(t, g, "", by))
		require.NoError(t, err)
		return op
	}
	ops := []*tf.Operation{grow(v, float32(10)), grow(step, int64(1))}
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, dir, nil)
	require.NoError(t, err)
	if r.Fresh {
		initialize(t, g, sess)
	}
	for i := 0; ; i++ {
		require.NoError(t, sess.RunOps(ctx, ops...))
		o := &saver.SaveOptions{GlobalStep: saver.Step(step)}
		if filepath.Base(dir) == "same" {
			o.GlobalStep = saver.GlobalStep{}
		}
		mustSave(t, s, sess, filepath.Join(dir, "m"), o)
		if i == 0 {
			fmt.Print(".")
		}
	}
}
