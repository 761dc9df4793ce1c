package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/verify"
)

// found verifies a path and returns the texts of what was found, by the last part of the path
// and whether it does harm.
func found(t *testing.T, path string) (kinds []verify.Kind, faults, notes []string) {
	t.Helper()
	for r, err := range verify.Path(t.Context(), path, nil) {
		require.NoError(t, err)
		kinds = append(kinds, r.Kind)
		for _, f := range r.Faults {
			text := filepath.Base(r.Path) + ": " + f.Err.Error()
			if f.Harmless {
				notes = append(notes, text)
			} else {
				faults = append(faults, text)
			}
		}
	}
	return kinds, faults, notes
}

// A table that is filled from a file of the machine that made the model.
func TestTableWithoutFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	oracle.Run(t, `
with open(args[0] + "/words.txt", "w") as f:
    f.write("the\nfox\n")
x = tf1.placeholder(tf.string, [None], name="x")
words = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(args[0] + "/words.txt", tf.string, -2, tf.int64, -1), -1)
y = words.lookup(x)
with tf1.Session() as s:
    for name, assets, init in [("bare", None, None), ("no_assets", None, tf1.tables_initializer()), ("whole", tf1.get_collection("asset_filepaths"), tf1.tables_initializer())]:
        b = tf1.saved_model.Builder(args[0] + "/" + name)
        sig = tf1.saved_model.predict_signature_def({"x": x}, {"y": y})
        tf1.get_default_graph().clear_collection("saved_model_main_op")
        b.add_meta_graph_and_variables(s, ["serve"], {"serving_default": sig}, assets_collection=assets, main_op=init)
        b.save()
`, root)
	for _, c := range []struct {
		name, says string
	}{
		{"bare", "table file: "},
		{"no_assets", "it fills a table from a file that is not an asset"},
		{"whole", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults, _ := found(t, filepath.Join(root, c.name))
			if c.says == "" {
				assert.Empty(t, faults)
				return
			}
			require.Len(t, faults, 1)
			assert.Contains(t, faults[0], c.says)
			assert.Contains(t, faults[0], "InitializeTableFromTextFileV2")
		})
	}
}

func TestLeftoversBesideModelVariables(t *testing.T) {
	t.Parallel()
	model := filepath.Join(t.TempDir(), "m")
	oracle.Run(t, `
v = tf1.get_variable("v", initializer=[1., 2.])
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    tf1.saved_model.simple_save(s, args[0], {"x": tf1.placeholder(tf.float32, [])}, {"v": v})`, model)
	_, faults, notes := found(t, model)
	assert.Empty(t, faults)
	assert.Empty(t, notes)
	for _, name := range []string{"variables.data-00000-of-00002", "old.data-00000-of-00001", "variables.index.tempstate123"} {
		require.NoError(t, os.WriteFile(filepath.Join(model, "variables", name), []byte("x"), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(model, "variables", "variables_temp"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(model, "variables", "variables_temp", "part-00000-of-00001.index"), nil, 0o600))
	_, faults, notes = found(t, model)
	assert.Empty(t, faults)
	require.Len(t, notes, 4, notes)
	assert.Contains(t, notes[0], "old.data-00000-of-00001: values without an index")
	assert.Contains(t, notes[1], "its checkpoint has 1 data files, this is one of 2")
}

// A state file stands for the checkpoints that it names, by whatever name it has.
func TestStateFileIsVerified(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	oracle.Run(t, `
v = tf1.get_variable("v", initializer=[1., 2.])
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    saver = tf1.train.Saver()
    for step in (1, 2):
        saver.save(s, args[0] + "/m", global_step=step)
    tf1.train.Saver().save(s, args[0] + "/other", latest_filename="newest")`, folder)
	kinds, faults, notes := found(t, filepath.Join(folder, "checkpoint"))
	assert.Equal(t, []verify.Kind{verify.StateFile, verify.Checkpoint, verify.MetaGraph, verify.Checkpoint, verify.MetaGraph}, kinds)
	assert.Empty(t, faults)
	assert.Empty(t, notes)
	kinds, faults, _ = found(t, filepath.Join(folder, "newest"))
	assert.Equal(t, []verify.Kind{verify.StateFile, verify.Checkpoint, verify.MetaGraph}, kinds)
	assert.Empty(t, faults)

	require.NoError(t, dir.Remove(t.Context(), filepath.Join(folder, "m-2"), nil))
	_, faults, _ = found(t, filepath.Join(folder, "checkpoint"))
	require.NotEmpty(t, faults)
	assert.Contains(t, faults[0], "m-2")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte("model_checkpoint_path: 7"), 0o600))
	_, faults, _ = found(t, filepath.Join(folder, "checkpoint"))
	require.Len(t, faults, 1)
	assert.Contains(t, faults[0], "Invalid checkpoint state")
}
