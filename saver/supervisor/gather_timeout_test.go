package supervisor_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
)

// The long time that saves have is for the graph's nodes, which do it in one run.
// A gathered save notices a server that does not answer as soon as a step does.
func TestAGatheredSaveNoticesAServerThatDoesNotAnswer(t *testing.T) {
	dir := t.TempDir()
	c := cluster(t, 2, 1)
	for name, gather := range map[string]*saver.GatherOptions{"through the master": nil, "straight": {Cluster: c.Spec()}} {
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true, Driver: saver.Files, Gather: gather})
		log := new(events)
		o := options(c, filepath.Join(dir, name), log)
		o.OperationTimeout = time.Second
		o.SaveSteps = 1
		calls := 0
		var took time.Duration
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			if calls++; calls > 1 {
				return nil
			}
			step, err := m.step(ctx, r.Session)
			if err != nil {
				return err
			}
			assert.NoError(t, c.Pause("ps", 1))
			began := time.Now()
			err = r.StepDone(ctx, step)
			took = time.Since(began)
			assert.NoError(t, c.Continue("ps", 1))
			assert.Error(t, err, name)
			return err
		}), "%s:%v", name, log)
		assert.Less(t, took, 20*time.Second, name)
		require.Len(t, of[supervisor.Lost](log), 1, name)
		require.NotEmpty(t, of[supervisor.Saved](log), name)
	}
}
