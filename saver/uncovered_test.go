package saver_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

// A Saver that was made before the optimizer does not save its slots. Save and Resume say so;
// TensorFlow is silent.
func TestSaverMadeBeforeOptimizer(t *testing.T) {
	for _, c := range []struct {
		name   string
		o      func(v *tf.Variable) *saver.Options
		refuse bool
	}{
		{"all variables", func(*tf.Variable) *saver.Options { return nil }, true},
		{"allowed", func(*tf.Variable) *saver.Options { return &saver.Options{AllowUncovered: true} }, false},
		{"a list", func(v *tf.Variable) *saver.Options { return &saver.Options{VarList: saver.Vars(v)} }, false},
		{"a map", func(v *tf.Variable) *saver.Options {
			return &saver.Options{VarMap: map[string]saver.Saveable{"v": saver.Var(v)}}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := tf.NewGraph()
			v := variable(t, g, "v", []float32{1, 2})
			s := newSaver(t, g, c.o(v))
			folder := filepath.Join(t.TempDir(), "run")
			path := filepath.Join(folder, "m")
			sess := initialized(t, g)
			mustSave(t, s, sess, path, nil)
			_, err := train.Minimize(g, &train.Momentum{LearningRate: 0.1, Momentum: 0.9}, v.Value(), nil)
			require.NoError(t, err)
			before := files(t, folder)

			_, err = s.Save(ctx, sess, path+"2", nil)
			_, resumeErr := s.Resume(ctx, sess, folder, nil)
			if c.refuse {
				for _, err := range []error{err, resumeErr} {
					require.ErrorIs(t, err, tfkeep.ErrMismatch)
					assert.ErrorContains(t, err, "since it was made: v/Momentum;")
				}
				assert.Equal(t, before, files(t, folder))
			} else {
				require.NoError(t, err)
				require.NoError(t, resumeErr)
			}
			report, err := s.Restore(ctx, sess, path, nil)
			require.NoError(t, err)
			assert.Equal(t, []string{"v/Momentum"}, report.Uncovered)

			// The run that needs the slots does not advise to reset what was restored.
			_, err = newSaver(t, g, nil).Save(ctx, sess, path+"3", nil)
			require.ErrorIs(t, err, tfkeep.ErrUninitialized)
			assert.ErrorContains(t, err, "GlobalVariablesInitializer would also reset what is restored")
		})
	}
}

// A variable that is added after the import is not saved by the Saver of the meta graph. One
// that the meta graph's own Saver leaves out was left out on purpose.
func TestImportedSaverDoesNotCoverAll(t *testing.T) {
	dir := t.TempDir()
	oracle.Run(t, `
v = tf1.get_variable("v", initializer=[1., 2.])
out = tf1.get_variable("left_out", initializer=[1., 2.])
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    tf1.train.Saver([v]).save(s, args[0] + "/m")`, dir)
	g := tf.NewGraph()
	s, err := saver.ImportMetaGraph(ctx, g, filepath.Join(dir, "m.meta"), nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, dir, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"left_out"}, r.Report.Uncovered)
	mustSave(t, s, sess, filepath.Join(dir, "m"), nil)

	variable(t, g, "head", float32(1))
	_, err = s.Save(ctx, sess, filepath.Join(dir, "m"), nil)
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	assert.ErrorContains(t, err, "since it was made: head;")
	_, err = s.SaveAsync(ctx, sess, filepath.Join(dir, "m"), nil)
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	report, err := s.Restore(ctx, sess, filepath.Join(dir, "m"), nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"left_out", "head"}, report.Uncovered)
}
