package supervisor_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
)

// until trains to a step; at a step of the first call, hurt is called beside it.
func until(m *model, last int64, at int64, hurt func()) func(context.Context, *supervisor.Running) error {
	hurtOnce := false
	return func(ctx context.Context, r *supervisor.Running) error {
		for step := r.Step; step < last; {
			var err error
			if step, err = m.step(ctx, r.Session); err != nil {
				return err
			}
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
			if step >= at && !hurtOnce {
				hurtOnce = true
				go hurt()
			}
		}
		return nil
	}
}

func TestAKilledParameterServerCostsTheStepsSinceTheLastCheckpoint(t *testing.T) {
	repeated(t, "ps killed, started again", func(t *testing.T, f *figures) {
		c := cluster(t, 2, 1)
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true})
		log := new(events)
		o := options(c, t.TempDir(), log)
		o.SaveSteps = 20
		var killed, back time.Time
		body := until(m, 200, 70, func() {
			killed = time.Now()
			assert.NoError(t, c.Kill("ps", 1))
			assert.NoError(t, c.Restart(t.Context(), "ps", 1))
			back = time.Now()
		})
		checked := false
		err := supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			if r.Resumed != nil && !r.Resumed.Fresh {
				checked = true
				values, err := m.values(ctx, r.Session)
				if err != nil {
					return err
				}
				// The other server's values were newer: all are the checkpoint's now.
				assert.Equal(t, []int64{r.Step, r.Step}, values)
				assert.Zero(t, r.Step%20, "a checkpoint's step")
			}
			return body(ctx, r)
		})
		require.NoError(t, err, log)
		assert.True(t, checked, "resumed after the loss:%v", log)
		lost := of[supervisor.Lost](log)
		require.NotEmpty(t, lost)
		assert.Equal(t, "ps", lost[0].Tasks[0].Job, log)
		assert.Equal(t, 1, lost[0].Tasks[0].Index, log)
		f.add("noticed", when[supervisor.Lost](t, log, killed).Sub(killed))
		f.add("training again after the server was back", when[supervisor.Ready](t, log, killed).Sub(back))
		if testing.Verbose() {
			t.Log(log)
		}
	})
}
