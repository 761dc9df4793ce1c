package dir_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/tfproto"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// stateCase is a call of update_checkpoint_state in a working directory that has a
// folder "train".
type stateCase struct {
	Dir       string    `json:"dir"` // "abs" stands for the working directory
	Model     string    `json:"model"`
	All       []string  `json:"all"`
	Times     []float64 `json:"times"`
	Preserved float64   `json:"preserved"`
	Relative  bool      `json:"relative"`
	Latest    string    `json:"latest"`
}

func TestStateFileIsTensorFlows(t *testing.T) {
	cwd := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(cwd, "train"), 0o755))
	abs := filepath.Join(cwd, "train")
	cases := []stateCase{
		{Dir: "train", Model: "train/m-1"},
		{Dir: "train/", Model: "train/m-1"},
		{Dir: "./train", Model: "train/m-1", All: []string{"train/../b/m", "train/m-1"}},
		{Dir: "", Model: "m"},
		{Dir: ".", Model: "m", All: []string{"l"}},
		{Dir: "train", Model: "elsewhere/m"},
		{Dir: "train", Model: "/abs/m", All: []string{"/abs/l", "train/k"}},
		{Dir: "train", Model: "/abs/m", All: []string{"/abs/l", "train/k"}, Relative: true},
		{Dir: abs, Model: "train/m", All: []string{"/abs/l", "train/k"}},
		{Dir: abs, Model: abs + "/m", All: []string{abs + "/k", "/other/m", "rel/m"}, Relative: true},
		{Dir: abs, Model: abs + "/m", All: []string{abs + "/m"}},
		{Dir: "train", Model: "train/m", Latest: "other"},
		{Dir: "train", Model: "train/é€\"'\\\n\r\t\x01\x7f\u0080", All: []string{"train/a b"}},
		{Dir: "train", Model: "train/c", All: []string{"train/a", "train/b"}, Times: []float64{1.5, 1e16, 123456789012.25}, Preserved: -1},
		{Dir: "train", Model: "train/c", Times: []float64{1e-5}, Preserved: 1795391577},
		{Dir: "train", Model: "train/c", Times: []float64{0.0001}, Preserved: 1e15},
		{Dir: "train", Model: "train/c", All: []string{}, Times: []float64{1.7953915771234567e9}},
	}
	want := oracle.Value[[]string](t, `
from tensorflow.python.training import checkpoint_management as cm
before = os.getcwd()
os.chdir(args[1])
result = []
for c in args[0]:
    cm.update_checkpoint_state_internal(c['dir'], c['model'], list(c['all'] or []), c['latest'] or None, c['relative'],
                                        c['times'] or None, c['preserved'] or None)
    name = os.path.join(c['dir'], c['latest'] or 'checkpoint')
    result.append(open(name, newline='').read())
    os.remove(name)
os.chdir(before)
`, cases, cwd)
	t.Chdir(cwd)
	for i, c := range cases {
		err := dir.UpdateState(context.Background(), c.Dir, dir.State{ModelCheckpointPath: c.Model,
			AllModelCheckpointPaths: c.All, AllModelCheckpointTimestamps: c.Times, LastPreservedTimestamp: c.Preserved},
			&dir.StateOptions{LatestFilename: c.Latest, SaveRelativePaths: c.Relative})
		require.NoError(t, err)
		name := filepath.Join(c.Dir, "checkpoint")
		if c.Latest != "" {
			name = filepath.Join(c.Dir, c.Latest)
		}
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, want[i], string(got), "%+v", c)
		assert.NoError(t, os.Remove(name))
	}
}

func TestUpdateStateRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ctx := context.Background()
	err := dir.UpdateState(ctx, folder, dir.State{ModelCheckpointPath: filepath.Join(folder, "checkpoint")}, nil)
	assert.ErrorContains(t, err, "conflicts with path used for checkpoint state.  Please use a different save path.")
	err = dir.UpdateState(ctx, folder, dir.State{}, nil)
	assert.ErrorIs(t, err, tfkeep.ErrArgument)
	err = dir.UpdateState(ctx, folder, dir.State{ModelCheckpointPath: "m", AllModelCheckpointTimestamps: []float64{1, 2}}, nil)
	assert.ErrorContains(t, err, "Checkpoint timestamps, if provided, must match checkpoint paths")
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	assert.ErrorIs(t, dir.UpdateState(canceled, folder, dir.State{ModelCheckpointPath: "m"}, nil), context.Canceled)
	assert.Empty(t, tftest.ReadFiles(t, folder))
}

func TestUpdateStateConcurrently(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 10 {
				err := dir.UpdateState(context.Background(), folder, dir.State{ModelCheckpointPath: fmt.Sprint("m-", i)}, &dir.StateOptions{NoSync: true})
				assert.NoError(t, err)
				_, err = dir.ReadState(t.Context(), folder, nil)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, []string{"checkpoint"}, tftest.FileNames(t, folder))
}

func TestUpdateStateDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	held, err := vfs.CreateAtomic(vfs.OS, filepath.Join(folder, "checkpoint"))
	require.NoError(t, err)
	defer held.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err = dir.UpdateState(ctx, folder, dir.State{ModelCheckpointPath: "m"}, nil)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

// ParseState returns what get_checkpoint_state returns. Where that returns None or
// raises an exception, ParseState reports damage.
func TestParseStateEqualsTensorFlow(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", " \n", "model_checkpoint_path: \"a\"\n", `model_checkpoint_path: "a" model_checkpoint_path: "b"`,
		`model_checkpoint_path: "a\303\251" "x"`, `model_checkpoint_path: 'q', all_model_checkpoint_paths: ["x","y"]; last_preserved_timestamp: 3`,
		"# c\nmodel_checkpoint_path: \"a\" all_model_checkpoint_timestamps: 1.5 all_model_checkpoint_timestamps: inf",
		`model_checkpoint_path "a"`, `model_checkpoint_path: ""`, `all_model_checkpoint_paths: "a"`, `unknown: 1 model_checkpoint_path: "a"`,
		`model_checkpoint_path: "a" last_preserved_timestamp: 1 last_preserved_timestamp: 2`, `model_checkpoint_path: "a`,
		"\x00", "\ufeffmodel_checkpoint_path: \"a\"", `model_checkpoint_path: "\n\t\"\'\\\101\x41"`, `model_checkpoint_path: 1`,
		`model_checkpoint_path: "a" all_model_checkpoint_timestamps: "x"`, "junk", `model_checkpoint_path: "/abs/é"`,
	}
	type parsed struct {
		Model, Error string
		All          []string
		Times        []any
		Preserved    float64
	}
	folder := t.TempDir()
	want := oracle.Value[[]parsed](t, `
result = []
for text in args[0]:
    with open(os.path.join(args[1], 'checkpoint'), 'w') as f:
        f.write(text)
    try:
        s = tf.train.get_checkpoint_state(args[1])
    except ValueError as e:
        result.append({'Error': str(e)})
        continue
    if s is None:
        result.append({'Error': 'None'})
        continue
    result.append({'Model': s.model_checkpoint_path, 'All': list(s.all_model_checkpoint_paths),
                   'Times': [str(x) for x in s.all_model_checkpoint_timestamps], 'Preserved': s.last_preserved_timestamp})
`, texts, folder)
	for i, text := range texts {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte(text), 0o644))
		got, err := dir.ReadState(t.Context(), folder, nil)
		if want[i].Error != "" {
			require.ErrorIs(t, err, tfkeep.ErrCorrupt, "%q: TensorFlow: %s", text, want[i].Error)
			assert.ErrorContains(t, err, filepath.Join(folder, "checkpoint"))
			continue
		}
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want[i].Model, got.ModelCheckpointPath, "%q", text)
		assert.ElementsMatch(t, want[i].All, got.AllModelCheckpointPaths, "%q", text)
		assert.Len(t, got.AllModelCheckpointTimestamps, len(want[i].Times), "%q", text)
		assert.Equal(t, want[i].Preserved, got.LastPreservedTimestamp, "%q", text)
	}
}

func TestReadStateWithoutAFileIsNotFound(t *testing.T) {
	t.Parallel()
	_, err := dir.ReadState(t.Context(), t.TempDir(), nil)
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestReadStateDoesNotCleanPaths(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte(`model_checkpoint_path: "./model.ckpt-687529"`), 0o644))
	s, err := dir.ReadState(t.Context(), folder, nil)
	require.NoError(t, err)
	assert.Equal(t, folder+"/./model.ckpt-687529", s.ModelCheckpointPath)
}

func FuzzParseState(f *testing.F) {
	for _, s := range []string{"", `model_checkpoint_path: "a"`, `model_checkpoint_path: "\303" all_model_checkpoint_timestamps: 1e-5`,
		`all_model_checkpoint_paths: ["x", 'y'] # c`, `model_checkpoint_path: "a" last_preserved_timestamp: nan`, "model_checkpoint_path: '\\x41\\u00e9'"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := dir.ParseState(data)
		if err != nil {
			var e *tfkeep.Error
			if !errors.As(err, &e) || !errors.Is(err, tfkeep.ErrCorrupt) {
				t.Fatalf("wrong kind of error: %v", err)
			}
			return
		}
		again, err := dir.ParseState(dir.FormatState(s))
		if err != nil {
			t.Fatalf("what was written does not read: %v\n%s", err, dir.FormatState(s))
		}
		same := s.ModelCheckpointPath == again.ModelCheckpointPath &&
			len(s.AllModelCheckpointPaths) == len(again.AllModelCheckpointPaths) &&
			len(s.AllModelCheckpointTimestamps) == len(again.AllModelCheckpointTimestamps) &&
			math.Float64bits(s.LastPreservedTimestamp) == math.Float64bits(again.LastPreservedTimestamp)
		if !same && !math.IsNaN(s.LastPreservedTimestamp) {
			t.Fatalf("%+v became %+v", s, again)
		}
	})
}

// The definition by which state files are parsed has the fields of TensorFlow's.
func TestStateFieldsAreTensorFlows(t *testing.T) {
	t.Parallel()
	ours, err := dir.StateMessage()
	require.NoError(t, err)
	real := tfproto.Message("tensorflow.CheckpointState")
	require.Equal(t, real.Fields().Len(), ours.Fields().Len())
	for i := range real.Fields().Len() {
		want, got := real.Fields().Get(i), ours.Fields().Get(i)
		assert.Equal(t, want.Name(), got.Name())
		assert.Equal(t, want.Number(), got.Number())
		kind := want.Kind()
		if kind == protoreflect.StringKind {
			kind = protoreflect.BytesKind // a file's name need not be UTF-8
		}
		assert.Equal(t, kind, got.Kind())
	}
}
