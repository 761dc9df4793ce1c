package dir_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
)

// writeStep writes a checkpoint with the tensor "x", whose 1,000 elements are all the step,
// makes it the newest one, and returns its prefix.
func writeStep(ctx context.Context, folder string, step byte, name string) (string, error) {
	prefix := filepath.Join(folder, name)
	w, err := checkpoint.Create(ctx, prefix, &checkpoint.WriterOptions{NoSync: true})
	if err != nil {
		return "", err
	}
	defer w.Close()
	data := make([]byte, 1000)
	for i := range data {
		data[i] = step
	}
	if err := w.Add(ctx, checkpoint.Tensor{Name: "x", DType: dtype.Uint8, Shape: []int64{1000}, Data: data}); err != nil {
		return "", err
	}
	if err := w.Commit(ctx); err != nil {
		return "", err
	}
	return prefix, dir.UpdateState(ctx, folder, dir.State{ModelCheckpointPath: prefix}, &dir.StateOptions{NoSync: true})
}

func mustWriteStep(t *testing.T, folder string, step byte, name string) {
	t.Helper()
	_, err := writeStep(t.Context(), folder, step, name)
	require.NoError(t, err)
}

// watched walks and returns the names of the checkpoints.
func watched(t *testing.T, folder string, o *dir.WatchOptions, body func(name string)) []string {
	t.Helper()
	var names []string
	for r, err := range dir.Watch(t.Context(), folder, o) {
		require.NoError(t, err)
		names = append(names, filepath.Base(r.Prefix()))
		body(names[len(names)-1])
	}
	return names
}

func TestWatchWaitsForNewCheckpoints(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "not there yet")
	go func() {
		_ = os.MkdirAll(folder, 0o755)
		_, _ = writeStep(context.Background(), folder, 1, "m-1")
	}()
	ended := false
	names := watched(t, folder, &dir.WatchOptions{Poll: time.Millisecond, Ended: func() bool { return ended }}, func(name string) {
		switch name {
		case "m-1":
			mustWriteStep(t, folder, 2, "m-2") // nobody sees this one
			mustWriteStep(t, folder, 3, "m-3")
		case "m-3":
			mustWriteStep(t, folder, 4, "m-4")
			ended = true // the last one is returned all the same
		}
	})
	assert.Equal(t, []string{"m-1", "m-3", "m-4"}, names)
}

func TestWatchEndsAfterTimeout(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	mustWriteStep(t, folder, 1, "m-1")
	names := watched(t, folder, &dir.WatchOptions{Poll: time.Hour, Timeout: 20 * time.Millisecond}, func(string) {})
	assert.Equal(t, []string{"m-1"}, names)
	assert.Empty(t, watched(t, t.TempDir(), &dir.WatchOptions{Timeout: time.Millisecond}, func(string) {}))
}

// A checkpoint that is saved again under the same name is a new one.
func TestWatchSeesTheSameNameAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	mustWriteStep(t, folder, 1, "m")
	n := 0
	names := watched(t, folder, &dir.WatchOptions{Poll: time.Millisecond, Ended: func() bool { return n > 1 }}, func(string) {
		if n++; n == 1 {
			mustWriteStep(t, folder, 2, "m")
			later := time.Now().Add(time.Second)
			require.NoError(t, os.Chtimes(filepath.Join(folder, "m.index"), later, later))
		}
	})
	assert.Equal(t, []string{"m", "m"}, names)
}

func TestWatchMinInterval(t *testing.T) {
	t.Parallel()
	// With synthetic time, waiting takes no time and is exact.
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		mustWriteStep(t, folder, 1, "m-1")
		const interval = 30 * time.Millisecond
		var last time.Time
		n := byte(1)
		watched(t, folder, &dir.WatchOptions{Poll: time.Millisecond, MinInterval: interval, Ended: func() bool { return n > 3 }}, func(string) {
			if !last.IsZero() {
				assert.GreaterOrEqual(t, time.Since(last), interval)
			}
			last = time.Now()
			if n++; n <= 4 {
				mustWriteStep(t, folder, n, fmt.Sprintf("m-%d", n))
			}
		})
		assert.EqualValues(t, 5, n)
	})
}

// The walk goes on after a damaged checkpoint, and after a damaged state file.
func TestWatchReportsDamageAndGoesOn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	mustWriteStep(t, folder, 1, "m-1")
	require.NoError(t, os.Truncate(filepath.Join(folder, "m-1.index"), 10))
	var errs []error
	for r, err := range dir.Watch(t.Context(), folder, &dir.WatchOptions{Poll: time.Millisecond}) {
		if err == nil {
			assert.Equal(t, "m-2", filepath.Base(r.Prefix()))
			break
		}
		require.ErrorIs(t, err, tfkeep.ErrCorrupt)
		errs = append(errs, err)
		if len(errs) == 1 {
			require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte("model_checkpoint_path: 7"), 0o644))
		} else {
			mustWriteStep(t, folder, 2, "m-2")
		}
	}
	assert.Len(t, errs, 2)
}

func TestWatchEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := 0
	for r, err := range dir.Watch(ctx, t.TempDir(), nil) {
		n++
		assert.Nil(t, r)
		require.ErrorIs(t, err, context.Canceled)
	}
	assert.Equal(t, 1, n)
}

func TestHoldKeepsFromRemoving(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	mustWriteStep(t, folder, 1, "m-1")
	prefix := filepath.Join(folder, "m-1")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(folder, link))
	first := dir.Hold(t.Context(), prefix)
	second := dir.Hold(t.Context(), filepath.Join(link, "m-1"))
	for _, release := range []func(){first, second} {
		require.ErrorIs(t, dir.Remove(t.Context(), prefix, nil), tfkeep.ErrLocked)
		assert.FileExists(t, prefix+".index")
		release()
		release() // once is enough
	}
	require.NoError(t, dir.Remove(t.Context(), prefix, nil))
	assert.NoFileExists(t, prefix+".index")
}

// A writer, which may be another process, removes each checkpoint as soon as the next one is
// there. Three readers read every value of what the walk gives them.
func TestWatchBesideAWriterThatRemoves(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ctx, end := context.WithCancelCause(t.Context())
	over := errors.New("the training is over")
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			n := 0
			for r, err := range dir.Watch(t.Context(), folder, &dir.WatchOptions{Poll: time.Microsecond, Ended: func() bool { return ctx.Err() != nil }}) {
				if !assert.NoError(t, err) {
					return
				}
				n++
				values, err := r.ReadBytes(t.Context(), "x", nil)
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, values[0], values[len(values)-1])
			}
			assert.Positive(t, n)
		})
	}
	old := ""
	for i := range 300 {
		prefix, err := writeStep(t.Context(), folder, byte(i), fmt.Sprintf("m-%d", i))
		require.NoError(t, err)
		if old != "" {
			// As another process: it does not ask for holds.
			for _, name := range []string{".index", ".data-00000-of-00001"} {
				require.NoError(t, os.Remove(old+name))
			}
		}
		old = prefix
	}
	end(over)
	readers.Wait()
}
