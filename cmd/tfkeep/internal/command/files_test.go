package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func TestDiff(t *testing.T) {
	a, b := fixture(), fixture()
	inFixture(t, "a", a)
	b[4].Data = float32s(0, 0.5, 1.5)
	b[5].Shape = []int64{3, 2}
	b[6] = checkpoint.Tensor{Name: "step", DType: dtype.Int32, Data: []byte{1, 0, 0, 0}}
	b[7].Name = "text"
	save(t, "b", b)
	code, out, errs := execute(t, "diff", "a", "b")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Empty(t, errs)
	assert.Equal(t, text(`
		CHANGE    NAME      BEFORE          AFTER           DIFFERENT  MAX |Δ|  MEAN |Δ|  MAX |Δ|/|A|
		changed   hidden/b  float32 [3]     same                33.3%      0.5    0.1667          0.5
		reshaped  hidden/w  float32 [2, 3]  float32 [3, 2]
		retyped   step      int64 []        int32 []
		added     text      -               string [2]
		removed   words     string [2]      -
		1 added, 1 removed, 1 retyped, 1 reshaped, 1 changed, 3 same
		`), out)

	code, out, _ = execute(t, "diff", "--json", "a", "b")
	assert.Equal(t, cli.ExitFailed, code)
	lines := jsonLines(t, out)
	require.Len(t, lines, 5)
	assert.Equal(t, "changed", lines[0]["change"])
	assert.Equal(t, 0.5, lines[0]["values"].(map[string]any)["max_abs"])
	assert.Nil(t, lines[3]["before"])

	assert.Equal(t, "7 same\n", good(t, "diff", "a", "a"))
	code, out, _ = execute(t, "diff", "--tol", "1", "--all", "a", "b")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, out, "same      hidden/b")
}

func TestConvert(t *testing.T) {
	inFixture(t, "m", fixture()[:7])
	assert.Equal(t, "m.safetensors  v2 → safetensors, 6 tensors, 88 B\n", good(t, "convert", "m", "m.safetensors"))
	assert.Equal(t, "back  safetensors → v2, 6 tensors, 88 B\n", good(t, "convert", "m.safetensors", "back"))
	assert.Equal(t, "6 same\n", good(t, "diff", "m", "back"))
	code, _, errs := execute(t, "convert", "--to", "v1", "m", "old")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "the V1 format has no bfloat16")
	code, out, errs := execute(t, "convert", "m", "m.npz")
	assert.Equal(t, cli.ExitOK, code)
	assert.Equal(t, "m.npz  v2 → npz, 6 tensors, 88 B\n", out)
	assert.Contains(t, errs, "1 tensor of bfloat16 stored in a wider type")
	good(t, "convert", "m.npz", "again")
	assert.Equal(t, "6 same\n", good(t, "diff", "m", "again"))

	code, _, errs = execute(t, "convert", "m", "m.npz")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "--force replaces it")
	code, _, _ = execute(t, "convert", "--force", "m", "m.npz")
	assert.Equal(t, cli.ExitOK, code)
}

func TestConvertGivesOtherNames(t *testing.T) {
	inFixture(t, "m", fixture()[4:6])
	require.NoError(t, os.WriteFile("map.txt", []byte("hidden/b layer/bias\nhidden/w layer/kernel\n"), 0o644))
	assert.Contains(t, good(t, "convert", "--map", "map.txt", "m", "objects"), "4 tensors")
	assert.Contains(t, good(t, "ls", "objects"), "layer/bias/.ATTRIBUTES/VARIABLE_VALUE")
	good(t, "convert", "--names-from", "m", "objects", "back")
	assert.Equal(t, "2 same\n", good(t, "diff", "m", "back"))
	good(t, "convert", "--keys", "names", "objects", "again")
	assert.Equal(t, "2 same\n", good(t, "diff", "m", "again"))

	save(t, "bias", fixture()[4:5])
	code, out, errs := execute(t, "convert", "--names-from", "bias", "objects", "part")
	assert.Equal(t, cli.ExitOK, code)
	assert.Contains(t, out, "1 tensor")
	assert.Contains(t, errs, "left out, because OUT has no names for them: layer/kernel/.ATTRIBUTES/VARIABLE_VALUE")
	code, _, errs = execute(t, "convert", "--names-from", "objects", "bias", "part2")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "layer/kernel")
	code, _, errs = execute(t, "convert", "--names-from", "objects", "--partial", "bias", "part2")
	assert.Equal(t, cli.ExitOK, code)
	assert.Contains(t, errs, "IN has no value for: layer/kernel/")

	require.NoError(t, os.WriteFile("map.txt", []byte("hidden/b\n"), 0o644))
	code, _, errs = execute(t, "convert", "--map", "map.txt", "m", "new")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "map.txt: read map: invalid argument: line 1")
	code, _, _ = execute(t, "convert", "--map", "gone.txt", "m", "new")
	assert.Equal(t, cli.ExitFailed, code)
	code, _, errs = execute(t, "convert", "--keys", "paths", "m", "new")
	assert.Equal(t, cli.ExitUsage, code)
	assert.Contains(t, errs, "[names objects]")
}

func TestConvertBetweenVersions(t *testing.T) {
	inFixture(t, "m", append(fixture()[:3], fixture()[4:]...))
	assert.Equal(t, "old  v2 → v1, 6 tensors, 94 B\n", good(t, "convert", "--to", "v1", "m", "old"))
	assert.Equal(t, "new  v1 → v2, 6 tensors, 84 B\n", good(t, "convert", "old", "new"))
	assert.Equal(t, "6 same\n", good(t, "diff", "m", "new"))
}

func TestConvertReportsSkippedTensors(t *testing.T) {
	inFixture(t, "m", fixture())
	code, _, errs := execute(t, "convert", "m", "m.safetensors")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, `tensor "words"`)
	assert.Contains(t, errs, "--skip-unsupported")
	code, _, errs = execute(t, "convert", "--skip-unsupported", "m", "m.safetensors")
	assert.Equal(t, cli.ExitOK, code)
	assert.Contains(t, errs, "left out words: unsupported: ")
}

func TestVerify(t *testing.T) {
	inFixture(t, "train/model-1", fixture())
	save(t, "train/model-2", fixture())
	assert.Equal(t, text(`
		ok    train/model-1  V2 checkpoint, 7 tensors, 98 B
		ok    train/model-2  V2 checkpoint, 7 tensors, 98 B
		2 items, 196 B of values: all good
		`), good(t, "verify", "train"))

	flipByte(t, "train/model-2.data-00000-of-00001", 0)
	flipByte(t, "train/model-2.data-00000-of-00001", 17)
	require.NoError(t, os.WriteFile("train/model-3.data-00000-of-00001.tempstate7", nil, 0o644))
	code, out, errs := execute(t, "verify", "train", "nowhere")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "nowhere")
	assert.Contains(t, out, "BAD   train/model-2  V2 checkpoint")
	assert.Contains(t, out, `fault tensor "broken": the checksum of its 16 bytes is `)
	assert.Contains(t, out, `tensor "embedding"`)
	assert.Contains(t, out, "(model-2.data-00000-of-00001, byte 0)\n")
	assert.Contains(t, out, "note  train/model-3.data-00000-of-00001.tempstate7  left by a save that did not finish")
	assert.Contains(t, out, "3 items, 196 B of values: 1 bad, 2 faults, 1 note, nothing to verify at 1 path\n")

	code, out, _ = execute(t, "verify", "-q", "train/model-1")
	assert.Equal(t, cli.ExitOK, code)
	assert.Equal(t, "1 item, 98 B of values: all good\n", out)
}

func TestVerifyPrintsCauses(t *testing.T) {
	inFixture(t, "train/model-1", fixture())
	require.NoError(t, os.WriteFile("train/model-1.meta", []byte("hello: 1"), 0o644))
	require.NoError(t, os.Remove("train/model-1.data-00000-of-00001"))
	code, out, _ := execute(t, "verify", "train")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, out, "fault not a MetaGraphDef in text: line 1, column 1: unknown field: the message tensorflow.MetaGraphDef has no field \"hello\" in TensorFlow 2.21 (model-1.meta)\n")
	assert.Contains(t, out, "fault not found: no such file or directory (model-1.data-00000-of-00001)\n")
}

func TestVerifyJSON(t *testing.T) {
	inFixture(t, "m", fixture())
	flipByte(t, "m.data-00000-of-00001", 0)
	code, out, _ := execute(t, "verify", "--json", "m")
	assert.Equal(t, cli.ExitFailed, code)
	lines := jsonLines(t, out)
	require.Len(t, lines, 1)
	assert.Equal(t, false, lines[0]["ok"])
	assert.Equal(t, "V2", lines[0]["version"])
	fault := lines[0]["faults"].([]any)[0].(map[string]any)
	assert.Equal(t, "broken", fault["tensor"])
	assert.Equal(t, "m.data-00000-of-00001", fault["file"])
	assert.Equal(t, 0.0, fault["offset"])
	assert.Equal(t, false, fault["harmless"])
}

func TestVerifyStrictCountsNotes(t *testing.T) {
	inFixture(t, "train/m", fixture())
	require.NoError(t, os.WriteFile("train/x.tfkeep-tmp", nil, 0o644))
	code, _, _ := execute(t, "verify", "train")
	assert.Equal(t, cli.ExitOK, code)
	code, out, _ := execute(t, "verify", "--strict", "train")
	assert.Contains(t, out, "fault")
	assert.NotContains(t, out, "note")
	assert.Equal(t, cli.ExitFailed, code)
}

func TestLatest(t *testing.T) {
	inFixture(t, "train/model-1", fixture())
	save(t, "train/model-2", fixture())
	state := dir.State{ModelCheckpointPath: "train/model-2", AllModelCheckpointPaths: []string{"train/model-1", "train/model-2"}}
	require.NoError(t, dir.UpdateState(t.Context(), "train", state, &dir.StateOptions{SaveRelativePaths: true}))
	assert.Equal(t, "train/model-2\n", good(t, "latest", "train"))
	assert.JSONEq(t, `{"path":"train/model-2"}`, good(t, "latest", "--json", "train"))
	code, _, errs := execute(t, "latest", "train/model-2.index")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "train/model-2.index is a file; name the directory")

	flipByte(t, "train/model-2.data-00000-of-00001", 0)
	code, out, errs := execute(t, "latest", "--verified", "train")
	assert.Equal(t, cli.ExitOK, code)
	assert.Equal(t, "train/model-1\n", out)
	assert.Contains(t, errs, "skipped train/model-2: ")

	require.NoError(t, os.WriteFile("train/checkpoint", []byte("\x00"), 0o644))
	code, out, errs = execute(t, "latest", "train")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Empty(t, out)
	assert.Contains(t, errs, "train/checkpoint")
}

func TestObjects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	oracle.RunEager(t, `
class Layer(tf.Module):
    def __init__(self):
        self.kernel = tf.Variable(tf.ones([2, 3]))
m = tf.Module(); m.first = Layer(); m.second = Layer(); m.shared = m.first
tf.train.Checkpoint(model=m).save(os.path.join(args[0], "ckpt"))
`, dir)
	assert.Equal(t, text(`
		OBJECT              VALUE           DTYPE    SHAPE
		(root) #0
		├─ model #1
		│  ├─ first #3
		│  │  └─ kernel #5  VARIABLE_VALUE  float32  [2, 3]
		│  ├─ second #4
		│  │  └─ kernel #6  VARIABLE_VALUE  float32  [2, 3]
		│  └─ shared → #3
		└─ save_counter #2  VARIABLE_VALUE  int64    []
		`), good(t, "objects", filepath.Join(dir, "ckpt-1")))
	lines := jsonLines(t, good(t, "objects", "--json", filepath.Join(dir, "ckpt-1")))
	assert.Len(t, lines, 7)
	assert.Equal(t, []any{"model"}, lines[1]["path"])

	save(t, filepath.Join(dir, "by-name"), fixture())
	code, _, errs := execute(t, "objects", filepath.Join(dir, "by-name"))
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "saved by name")
}

// TestWrongFilesAreCalledWhatTheyAre gives the verbs files that they cannot take.
func TestWrongFilesAreCalledWhatTheyAre(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
		return path
	}
	out := filepath.Join(dir, "out.pbtxt")
	lfs := "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
	bad := "node {\r\n  name: \"a\"\r\n  op: \"NoOp\"\r\n  junk: 1\r\n}\r\n"
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"convert missing pb", []string{"convert", filepath.Join(dir, "no.pb"), out}, "not found"},
		{"convert missing meta", []string{"convert", filepath.Join(dir, "no.meta"), out}, "not found"},
		{"convert missing checkpoint", []string{"convert", filepath.Join(dir, "no"), filepath.Join(dir, "o.npz")}, "not found"},
		{"show missing", []string{"show", filepath.Join(dir, "no.pb")}, "not found"},
		{"convert bad text", []string{"convert", write("bad.pbtxt", bad), out}, "line 4, column 3"},
		{"show bad text", []string{"show", write("bad2.pbtxt", bad)}, "line 4, column 3"},
		{"convert bad binary", []string{"convert", write("bad.pb", "\xff\x00\x01"), out}, "neither a GraphDef"},
		{"convert bad meta", []string{"convert", write("bad.meta", "\xff\x00\x01"), out}, "not a MetaGraphDef"},
		{"convert keras", []string{"convert", write("a.h5", "\x89HDF\r\n\x1a\n"), out}, "HDF5"},
		{"show LFS", []string{"show", write("lfs.pb", lfs)}, "git lfs pull"},
		{"convert LFS", []string{"convert", write("lfs2.pb", lfs), out}, "git lfs pull"},
		{"ls LFS", []string{"ls", write("lfs.index", lfs)}, "git lfs pull"},
		{"show cpb", []string{"show", filepath.Dir(write("cpb/saved_model.cpb", "x"))}, "experimental_image_format"},
		{"show cpb file", []string{"show", filepath.Join(dir, "cpb", "saved_model.cpb")}, "experimental_image_format"},
		{"savedmodel show cpb", []string{"savedmodel", "show", filepath.Join(dir, "cpb")}, "experimental_image_format"},
		{"verify cpb", []string{"verify", filepath.Join(dir, "cpb")}, "experimental_image_format"},
		{"freeze cpb", []string{"freeze", filepath.Join(dir, "cpb"), "-o", out}, "experimental_image_format"},
		{"show state", []string{"show", write("state/checkpoint", "model_checkpoint_path: \"m\"\n")}, "state file"},
		{"show versions", []string{"show", filepath.Dir(filepath.Dir(write("versions/3/saved_model.pb", "x")))}, "versions of a model: 3"},
		{"show frozen graphs", []string{"show", filepath.Dir(write("frozen/frozen.pb", "x"))}, "frozen.pb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := execute(t, c.args...)
			assert.NotZero(t, code)
			assert.Contains(t, stdout+stderr, c.says)
			assert.NotContains(t, stdout+stderr, "\u00a0")
			assert.NotContains(t, stdout+stderr, "cannot convert")
		})
	}
}
