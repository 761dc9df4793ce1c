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

// SaveTimeout is for nodes of the graph that save in one run. A gathered save notices
// a server that does not answer after OperationTimeout, as a step does.
func TestGatheredSaveNoticesHungServer(t *testing.T) {
	dir := t.TempDir()
	c := startCluster(t, 2, 1)
	for _, test := range []struct {
		name   string
		gather *saver.GatherOptions
	}{{"through the master", nil}, {"from each server", &saver.GatherOptions{Cluster: c.Spec()}}} {
		name := test.name
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true, Driver: saver.Files, Gather: test.gather})
		log := new(events)
		o := options(c, filepath.Join(dir, name), log)
		o.OperationTimeout = time.Second
		o.SaveTimeout = time.Hour
		o.SaveSteps = 1
		calls := 0
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			if calls++; calls > 1 {
				return nil
			}
			step, err := m.step(ctx, r.Session)
			if err != nil {
				return err
			}
			assert.NoError(t, c.Pause("ps", 1))
			err = r.StepDone(ctx, step)
			assert.NoError(t, c.Continue("ps", 1))
			assert.Error(t, err, name)
			return err
		}), "%s:%v", name, log)
		require.Len(t, log.of(supervisor.Lost), 1, name)
		require.NotEmpty(t, log.of(supervisor.Saved), name)
	}
}
