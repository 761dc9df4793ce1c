package dir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func stateText(paths ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "model_checkpoint_path: %q\n", paths[len(paths)-1])
	for _, p := range paths {
		fmt.Fprintf(&b, "all_model_checkpoint_paths: %q\n", p)
	}
	return []byte(b.String())
}

// TestPrefixEndsInSlash opens a checkpoint of Saver.save(sess, "run1/") by each of its names.
func TestPrefixEndsInSlash(t *testing.T) {
	t.Parallel()
	for _, sharded := range []bool{false, true} {
		run := filepath.Join(t.TempDir(), "run1")
		require.NoError(t, os.Mkdir(run, 0o755))
		latest := oracle.Value[string](t, `
			v = tf1.get_variable("v", initializer=[1., 2.])
			s = tf1.train.Saver(sharded=args[1])
			before = os.getcwd()
			os.chdir(os.path.dirname(args[0]))
			with tf1.Session() as sess:
			    sess.run(v.initializer)
			    assert s.save(sess, "run1/") == "run1/"
			    s.restore(sess, "run1/")
			os.chdir(before)
			result = tf1.train.latest_checkpoint(args[0])
		`, run, sharded)
		assert.Equal(t, run+"/.", latest)
		require.Contains(t, string(tftest.ReadFiles(t, run)["checkpoint"]), `model_checkpoint_path: "."`)

		got, err := dir.Latest(t.Context(), run, nil)
		require.NoError(t, err)
		assert.Equal(t, run+"/", got)
		got, err = dir.Latest(t.Context(), run+"/", &dir.LatestOptions{Verified: true})
		require.NoError(t, err)
		assert.Equal(t, run+"/", got)
		list, err := dir.List(t.Context(), run, nil)
		require.NoError(t, err)
		require.Len(t, list, 1)
		assert.NoError(t, list[0].Err)
		assert.True(t, list[0].Listed)

		for _, state := range []bool{true, false} {
			for _, name := range []string{run, run + "/", run + "/.", run + "/.index", run + "/.meta", run + "/.data-00000-of-00001"} {
				r, err := dir.Open(t.Context(), name, nil)
				require.NoError(t, err, name)
				assert.Equal(t, run+"/", r.Prefix(), name)
				require.NoError(t, r.Close())
			}
			if state {
				require.NoError(t, os.Remove(filepath.Join(run, "checkpoint")))
			}
		}
		assert.Equal(t, run+"/.meta", dir.MetaGraphPath(run+"/", ""))
		require.NoError(t, dir.Remove(t.Context(), run+"/", nil))
		assert.Empty(t, tftest.ReadFiles(t, run))
	}
}

func TestPrefixEndsInSlashInFS(t *testing.T) {
	t.Parallel()
	folder := fstest.MapFS{}
	for name, data := range v2Files(t, "run1/") {
		folder[name] = &fstest.MapFile{Data: data}
		folder[strings.TrimPrefix(name, "run1/")] = &fstest.MapFile{Data: data}
	}
	for name, prefix := range map[string]string{"run1": "run1/", "run1/": "run1/", "run1/.index": "run1/", ".": "./", "./": "./", ".index": "./"} {
		r, err := dir.Open(t.Context(), name, &checkpoint.ReaderOptions{FS: folder})
		require.NoError(t, err, name)
		assert.Equal(t, prefix, r.Prefix(), name)
		_, err = r.ReadBytes(t.Context(), "v", nil)
		assert.NoError(t, err)
		require.NoError(t, r.Close())
	}
}

// TestWritePrefixEndsInSlash lets TensorFlow read what Create writes, twice over.
func TestWritePrefixEndsInSlash(t *testing.T) {
	t.Parallel()
	run := filepath.Join(t.TempDir(), "run1") + "/"
	for i := range 2 {
		tftest.WriteCheckpoint(t, run, nil, []checkpoint.Tensor{{Name: "v", DType: dtype.Int8, Shape: []int64{2}, Data: []byte{1, byte(i)}}})
		got := oracle.Value[[]int](t, `result = tf1.train.NewCheckpointReader(args[0]).get_tensor("v").tolist()`, run)
		assert.Equal(t, []int{1, i}, got)
	}
	report, err := checkpoint.Verify(t.Context(), run, nil)
	require.NoError(t, err)
	assert.Empty(t, report.Faults)
	assert.Equal(t, run, report.Prefix)
	removed, err := dir.Sweep(t.Context(), run, nil)
	require.NoError(t, err)
	assert.Empty(t, removed)
	_, err = checkpoint.Create(t.Context(), run, &checkpoint.WriterOptions{Version: checkpoint.V1})
	assert.ErrorIs(t, err, tfkeep.ErrArgument) // TensorFlow fails too: the file has no name
}

// TestStateNeverLeadsBack resolves state files that name folders.
func TestStateNeverLeadsBack(t *testing.T) {
	t.Parallel()
	folder := putFiles(t, map[string][]byte{
		"checkpoint":         stateText("a"),
		"a/checkpoint":       stateText(".."),
		"dot/checkpoint":     stateText("."),
		"self/checkpoint":    stateText("../self"),
		"slash/checkpoint":   stateText("./././"),
		"sub/checkpoint":     stateText("in"),
		"sub/in/checkpoint":  stateText("m"),
		"sub/in/m.index":     nil,
		"root/checkpoint":    stateText("/"),
		"parents/checkpoint": stateText("../../../../../../.."),
	})
	for _, name := range []string{"", "a", "dot", "self", "slash", "sub", "root", "parents"} {
		path := filepath.Join(folder, name)
		_, err := dir.Latest(t.Context(), path, nil)
		assert.ErrorIs(t, err, tfkeep.ErrNotFound, name)
		_, err = dir.Open(t.Context(), path, nil)
		assert.ErrorIs(t, err, tfkeep.ErrNotFound, name)
		_, err = dir.Latest(t.Context(), path+"/", &dir.LatestOptions{Verified: true})
		assert.ErrorIs(t, err, tfkeep.ErrNotFound, name)
		list, err := dir.List(t.Context(), path, nil)
		require.NoError(t, err)
		require.NotEmpty(t, list)
		assert.Error(t, list[0].Err)
	}
}

// TestStateLeadsToFolderWithIndex opens the checkpoint without a name in a folder that a
// state file names.
func TestStateLeadsToFolderWithIndex(t *testing.T) {
	t.Parallel()
	for _, path := range []string{".", "./", "..", "run1", "run1/", "/gone/run1/", "/gone/run1/.", `D:\gone\run1\`} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{"train/checkpoint": stateText(path)}
			at := map[string]string{".": "train/", "./": "train/", "..": "", "run1": "train/run1/"}[path]
			if strings.Contains(path, "run1") {
				at = "train/run1/"
			}
			folder := putFiles(t, merge(v2Files(t, at), files))
			got, err := dir.Latest(t.Context(), filepath.Join(folder, "train"), nil)
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(folder, at)+"/", got)
		})
	}
}

// TestWindowsPathsInState finds the checkpoints of a folder that was copied from Windows.
func TestWindowsPathsInState(t *testing.T) {
	t.Parallel()
	for _, path := range []string{`D:\run\model_1`, `D:/run/model_1`, `\\host\share\run\model_1`, `..\run\model_1`, `sub\model_2`, `C:\run\sub\model_2`} {
		files := merge(v2Files(t, "model_1"), v2Files(t, "sub/model_2"))
		files["checkpoint"] = []byte("model_checkpoint_path: \"" + strings.ReplaceAll(path, `\`, `\\`) + "\"\n")
		folder := putFiles(t, files)
		want := filepath.Join(folder, "model_1")
		if strings.Contains(path, "model_2") {
			want = filepath.Join(folder, "sub", "model_2")
		}
		got, err := dir.Latest(t.Context(), folder, nil)
		require.NoError(t, err, path)
		assert.Equal(t, want, got, path)
		list, err := dir.List(t.Context(), folder, &dir.ListOptions{PreferFolder: true})
		require.NoError(t, err)
		assert.Equal(t, want, list[0].Prefix, path)
	}
	// A backslash is part of a name where there is a file of that name.
	folder := putFiles(t, merge(v2Files(t, `a\m`), v2Files(t, "m"), map[string][]byte{"checkpoint": []byte(`model_checkpoint_path: "a\\m"`)}))
	got, err := dir.Latest(t.Context(), folder, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folder, `a\m`), got)
}

// TestGoneCheckpointListsOthers names what is there, and the way to it.
func TestGoneCheckpointListsOthers(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"checkpoint": stateText("/elsewhere/model-9")}
	for i := range 7 {
		files = merge(files, v2Files(t, fmt.Sprintf("model-%d", i)))
	}
	folder := putFiles(t, files)
	_, latestErr := dir.Latest(t.Context(), folder, nil)
	_, openErr := dir.Open(t.Context(), folder, nil)
	for _, err := range []error{latestErr, openErr} {
		require.ErrorIs(t, err, tfkeep.ErrNotFound)
		assert.ErrorContains(t, err, "/elsewhere/model-9")
		assert.ErrorContains(t, err, filepath.Join(folder, "model-"))
		assert.ErrorContains(t, err, "and 2 more")
		assert.ErrorContains(t, err, "LatestOptions.Verified (tfkeep latest --verified)")
	}
	got, err := dir.Latest(t.Context(), folder, &dir.LatestOptions{Verified: true})
	require.NoError(t, err)
	assert.Contains(t, got, filepath.Join(folder, "model-"))
}

// TestLongStateFilesAreQuick takes minutes if a step is quadratic.
func TestLongStateFilesAreQuick(t *testing.T) {
	t.Parallel()
	const many = 100_000
	paths := make([]string, many)
	for i := range paths {
		paths[i] = fmt.Sprintf("/old/machine/train/model-%d", i)
	}
	folder := putFiles(t, merge(v2Files(t, "model-7"), map[string][]byte{"checkpoint": stateText(paths...)}))
	list, err := dir.List(t.Context(), folder, &dir.ListOptions{PreferFolder: true})
	require.NoError(t, err)
	assert.Len(t, list, many)
	assert.Equal(t, filepath.Join(folder, "model-7"), list[many-8].Prefix)
	deep := putFiles(t, map[string][]byte{"checkpoint": stateText("/" + strings.Repeat("a/", many) + "m")})
	_, err = dir.Latest(t.Context(), deep, nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.Less(t, len(err.Error()), 2000)
}
