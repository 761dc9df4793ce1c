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

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
)

// The server is stopped before the save and killed once the save is under way,
// so that the save cannot have been over.
func TestAServerKilledInTheMiddleOfASaveLeavesTheOldCheckpointTheNewest(t *testing.T) {
	for name, driver := range map[string]saver.Driver{"by the graph's nodes": saver.Ops, "gathered": saver.Files} {
		t.Run(name, func(t *testing.T) {
			repeated(t, "ps killed in a save "+name, func(t *testing.T, f *figures) {
				dir := t.TempDir()
				c := cluster(t, 2, 1)
				m := modelOn(t, 2, 100_000, &saver.Options{Sharded: true, Driver: driver})
				log := new(events)
				o := options(c, dir, log)
				o.SaveSteps = 10
				o.OperationTimeout = 20 * time.Second
				var killed time.Time
				hurt := false
				err := supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
					if r.Resumed != nil && !r.Resumed.Fresh {
						assert.Equal(t, filepath.Join(dir, "model-10"), r.Resumed.Path)
						values, err := m.values(ctx, r.Session)
						if err != nil {
							return err
						}
						assert.Equal(t, []int64{10, 10}, values)
						assert.Empty(t, strays(t, dir, "model-10"), "what the save has left is gone")
					}
					for step := r.Step; step < 25; {
						var err error
						if step, err = m.step(ctx, r.Session); err != nil {
							return err
						}
						if step == 20 && !hurt {
							hurt = true
							assert.NoError(t, c.Pause("ps", 1))
							go func() {
								underWay(dir, "model-20")
								killed = time.Now()
								assert.NoError(t, c.Kill("ps", 1))
								assert.NoError(t, c.Restart(t.Context(), "ps", 1))
							}()
							err := r.StepDone(ctx, step)
							require.Error(t, err)
							latest, stateErr := saver.LatestCheckpoint(dir)
							assert.NoError(t, stateErr)
							assert.Equal(t, filepath.Join(dir, "model-10"), latest, "the old one stays the newest")
							return fmt.Errorf("saving: %w", err)
						}
						if err := r.StepDone(ctx, step); err != nil {
							return err
						}
					}
					return nil
				})
				require.NoError(t, err, log)
				assert.True(t, hurt)
				require.Len(t, of[supervisor.Resumed](log), 1, log)
				f.add("noticed after", when[supervisor.Lost](t, log, killed).Sub(killed))
				f.add("training again after", when[supervisor.Ready](t, log, killed).Sub(killed))

				latest, err := saver.LatestCheckpoint(dir)
				require.NoError(t, err)
				assert.Equal(t, filepath.Join(dir, "model-25"), latest)
				assert.Empty(t, strays(t, dir, "model-10", "model-20", "model-25"))
				for name, step := range map[string]float32{"model-10": 10, "model-20": 20, "model-25": 25} {
					for _, v := range []string{"w0", "w1"} {
						values, err := saver.LoadVariable[float32](t.Context(), filepath.Join(dir, name), v)
						require.NoError(t, err)
						assert.Equal(t, step, slices.Min(values), "%s of %s", v, name)
						assert.Equal(t, step, slices.Max(values), "%s of %s", v, name)
					}
				}
			})
		})
	}
}

// underWay waits until a save of that name has written something, or has had the
// time to: one that waits for the stopped server first writes nothing.
func underWay(dir, name string) {
	for deadline := time.Now().Add(500 * time.Millisecond); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		entries, _ := os.ReadDir(dir)
		if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), name) }) {
			return
		}
	}
}

// strays are the files of a directory that belong to none of the checkpoints.
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
