package supervisor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
)

// The server is paused before the save and killed once the save is under way, so that
// the save cannot have finished.
func TestKillInSaveKeepsOldCheckpoint(t *testing.T) {
	for _, test := range []struct {
		name   string
		driver saver.Driver
	}{{"by the graph's nodes", saver.Ops}, {"gathered", saver.Files}} {
		t.Run(test.name, func(t *testing.T) {
			repeated(t, "ps killed in a save "+test.name, func(t *testing.T, f *figures) { killInSave(t, f, test.driver) })
		})
	}
}

func killInSave(t *testing.T, f *figures, driver saver.Driver) {
	s := &saveFault{
		t: t, dir: t.TempDir(), cluster: startCluster(t, 2, 1), killed: make(chan time.Time, 1),
		model: modelOn(t, 2, 100_000, &saver.Options{Sharded: true, Driver: driver}),
	}
	log := new(events)
	o := options(s.cluster, s.dir, log)
	o.SaveSteps = 10
	o.OperationTimeout = 20 * time.Second
	require.NoError(t, supervisor.Run(t.Context(), s.model.g, s.model.sv, o, s.train), log)
	require.True(t, s.hurt)
	killed := <-s.killed
	require.Len(t, log.of(supervisor.Resumed), 1, log)
	f.add("noticed after", log.when(t, supervisor.Lost, killed).Sub(killed))
	f.add("training again after", log.when(t, supervisor.Ready, killed).Sub(killed))

	latest, err := dir.Latest(t.Context(), s.dir, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(s.dir, "model-25"), latest)
	assert.Empty(t, strays(t, s.dir, "model-10", "model-20", "model-25"))
	for _, step := range []float32{10, 20, 25} {
		for _, v := range []string{"w0", "w1"} {
			name := fmt.Sprintf("model-%v", step)
			values, err := readVariable(t.Context(), filepath.Join(s.dir, name), v)
			require.NoError(t, err)
			assert.Equal(t, step, slices.Min(values), "%s of %s", v, name)
			assert.Equal(t, step, slices.Max(values), "%s of %s", v, name)
		}
	}
}

// saveFault is a training to step 25 that saves every ten steps. A parameter server
// is killed in the save of step 20.
type saveFault struct {
	t       *testing.T
	dir     string
	cluster *localcluster.Cluster
	model   *model
	killed  chan time.Time // gets the time of the kill
	hurt    bool
}

func (s *saveFault) train(ctx context.Context, r *supervisor.Running) error {
	if r.Resumed != nil && !r.Resumed.Fresh {
		if err := s.checkResumed(ctx, r); err != nil {
			return err
		}
	}
	for step := r.Step; step < 25; {
		var err error
		if step, err = s.model.step(ctx, r.Session); err != nil {
			return err
		}
		if step == 20 && !s.hurt {
			s.hurt = true
			return s.saveWithKill(ctx, r, step)
		}
		if err := r.StepDone(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// checkResumed checks that everything is as the old checkpoint has it.
func (s *saveFault) checkResumed(ctx context.Context, r *supervisor.Running) error {
	assert.Equal(s.t, filepath.Join(s.dir, "model-10"), r.Resumed.Path)
	values, err := s.model.values(ctx, r.Session)
	if err != nil {
		return err
	}
	assert.Equal(s.t, []int64{10, 10}, values)
	assert.Empty(s.t, strays(s.t, s.dir, "model-10"), "the files of the failed save are removed")
	return nil
}

// saveWithKill lets StepDone save and kills a server meanwhile.
func (s *saveFault) saveWithKill(ctx context.Context, r *supervisor.Running, step int64) error {
	assert.NoError(s.t, s.cluster.Pause("ps", 1))
	go func() {
		waitForSave(s.dir, fmt.Sprintf("model-%d", step))
		s.killed <- time.Now()
		assert.NoError(s.t, s.cluster.Kill("ps", 1))
		assert.NoError(s.t, s.cluster.Restart(s.t.Context(), "ps", 1))
	}()
	err := r.StepDone(ctx, step)
	if !assert.Error(s.t, err) {
		return nil
	}
	latest, stateErr := dir.Latest(ctx, s.dir, nil)
	assert.NoError(s.t, stateErr)
	assert.Equal(s.t, filepath.Join(s.dir, "model-10"), latest, "the old checkpoint stays the newest")
	return fmt.Errorf("saving: %w", err)
}

// waitForSave waits until a save of that name has written a file, for half a second
// at most: a save that waits for the paused server first writes nothing.
func waitForSave(dir, name string) {
	for deadline := time.Now().Add(500 * time.Millisecond); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		entries, _ := os.ReadDir(dir)
		if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), name) }) {
			return
		}
	}
}

// strays returns the files of a directory that belong to none of the checkpoints.
func strays(t *testing.T, dir string, checkpoints ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var found []string
	for _, e := range entries {
		known := e.Name() == "checkpoint" || e.Name() == "checkpoint.tfkeep-lock"
		for _, c := range checkpoints {
			rest, ok := strings.CutPrefix(e.Name(), c)
			known = known || ok && (rest == ".index" || rest == ".meta" || strings.HasPrefix(rest, ".data-"))
		}
		if !known {
			found = append(found, e.Name())
		}
	}
	return found
}

// readVariable reads a tensor of a checkpoint.
func readVariable(ctx context.Context, path, name string) ([]float32, error) {
	r, err := checkpoint.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return checkpoint.Values[float32](ctx, r, name, nil)
}
