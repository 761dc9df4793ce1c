package saver_test

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/saver"
)

// Three evaluators read each checkpoint by its path while a training in the same process
// saves 1,000 of them and keeps one.
func TestWatchBesideASaverThatKeepsOne(t *testing.T) {
	folder := t.TempDir()
	g, _, _ := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 1, NoSync: true})
	sess := initialized(t, g)
	var ended atomic.Bool
	var read atomic.Int64
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			o := &dir.WatchOptions{Poll: time.Microsecond, Ended: ended.Load}
			for r, err := range dir.Watch(ctx, folder, o) {
				if !assert.NoError(t, err) {
					return
				}
				again, err := checkpoint.Open(ctx, r.Prefix(), nil) // it is held, so it is there
				if !assert.NoError(t, err) {
					return
				}
				_, err = checkpoint.Values[float32](ctx, again, "v", nil)
				assert.NoError(t, err)
				assert.NoError(t, again.Close())
				_, err = checkpoint.Values[float32](ctx, r, "v", nil)
				assert.NoError(t, err)
				read.Add(1)
			}
		})
	}
	for i := range 1000 {
		mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(i), NoMetaGraph: true})
	}
	ended.Store(true)
	readers.Wait()
	t.Logf("%d checkpoints were read", read.Load())
	require.NoError(t, s.Close())
	assert.ElementsMatch(t, []string{"checkpoint", "m-999.data-00000-of-00001", "m-999.index"}, files(t, folder))
}
