package interop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/syscalls"
	"github.com/tfkeep/tfkeep/verify"
)

// allFaults is the environment variable that makes the fault tests try every call with
// every fault, as "make faults" does, or a part of them: "2/3" tries the second, the fifth
// and so on. Otherwise each mode is tried with faultSample faults, spread over its calls.
const (
	allFaults   = "TFKEEP_ALL_FAULTS"
	faultSample = 6
)

// faultedProgram is a program that changes a folder.
type faultedProgram struct {
	program syscalls.Program
	// judge checks what a run left in the folder, and then that a run without a fault
	// continues from there and tidies up.
	judge func(t *testing.T, r *syscalls.Result, again func() *syscalls.Result)
}

// tryFaults fills the folder by setup, and then runs the program with one fault after the
// other, each time in the folder as setup left it.
func tryFaults(t *testing.T, p faultedProgram) {
	t.Helper()
	run := func(f *syscalls.Fault) *syscalls.Result {
		r, err := syscalls.Run(context.WithoutCancel(t.Context()), p.program, f)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("needs Linux on amd64")
		}
		require.NoError(t, err)
		require.False(t, r.TimedOut, "%s\n%s", r.Stdout, r.Stderr)
		return r
	}
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	require.NoError(t, os.CopyFS(snapshot, os.DirFS(p.program.Folder)))
	reset := func() {
		require.NoError(t, os.RemoveAll(p.program.Folder))
		require.NoError(t, os.CopyFS(p.program.Folder, os.DirFS(snapshot)))
	}
	clean := run(nil)
	require.Zero(t, clean.Code, "%s\n%s", clean.Stdout, clean.Stderr)
	require.NotEmpty(t, clean.Calls)

	list := faultList(t, clean.Calls)
	for _, f := range list {
		reset()
		r := run(&f)
		context := fmt.Sprintf("%s at call %d of %d", f.Kind, f.At, len(clean.Calls))
		if f.At <= len(r.Calls) {
			context += ", " + r.Calls[f.At-1].String()
		}
		ok := t.Run(context, func(t *testing.T) {
			p.judge(t, r, func() *syscalls.Result { return run(nil) })
		})
		if !ok {
			t.Logf("%s printed:\n%s%s", context, r.Stdout, r.Stderr)
		}
	}
	t.Logf("%d faults", len(list))
}

// faultList returns the faults to try for a program that makes these calls.
func faultList(t *testing.T, calls []syscalls.Call) []syscalls.Fault {
	t.Helper()
	var all []syscalls.Fault
	for i, c := range calls {
		for _, k := range syscalls.Kinds() {
			if c.Space || k == syscalls.Kill || k == syscalls.IOError {
				all = append(all, syscalls.Fault{Kind: k, At: i + 1})
			}
		}
	}
	var sample []syscalls.Fault
	if wanted := os.Getenv(allFaults); wanted != "" {
		var part, of int
		_, err := fmt.Sscanf(wanted, "%d/%d", &part, &of)
		require.True(t, err == nil && 1 <= part && part <= of, `%s=%q: want a part as "2/3", or "1/1"`, allFaults, wanted)
		for i := part - 1; i < len(all); i += of {
			sample = append(sample, all[i])
		}
		return sample
	}
	for i := range min(faultSample, len(all)) {
		sample = append(sample, all[i*len(all)/min(faultSample, len(all))])
	}
	return sample
}

// realTempDir returns a new folder without links in its path.
func realTempDir(t *testing.T) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	folder = filepath.Join(folder, "run")
	require.NoError(t, os.Mkdir(folder, 0o777))
	return folder
}

// childProgram is this test binary as the child of one mode, in a folder in which it ran
// once already.
func childProgram(t *testing.T, mode string) syscalls.Program {
	t.Helper()
	folder := realTempDir(t)
	p := syscalls.Program{
		Args:   []string{os.Args[0]},
		Env:    []string{faultChildMode + "=" + mode, faultChildFolder + "=" + folder, "TF_CPP_MIN_LOG_LEVEL=3"},
		Folder: folder,
	}
	r, err := syscalls.Run(t.Context(), p, nil)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("needs Linux on amd64")
	}
	require.NoError(t, err)
	require.Zero(t, r.Code, "%s\n%s", r.Stdout, r.Stderr)
	return p
}

// No fault loses a checkpoint that a save has reported as saved: neither for tfkeep nor for
// TensorFlow. The next run continues from there, and leaves nothing but what it keeps.
func TestFaultsOfSaves(t *testing.T) {
	oracle.Python(t)
	slots := make(chan struct{}, 2)
	var wait sync.WaitGroup
	t.Cleanup(wait.Wait)
	for _, mode := range saveModes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			p := childProgram(t, mode.name)
			tryFaults(t, faultedProgram{program: p, judge: func(t *testing.T, r *syscalls.Result, again func() *syscalls.Result) {
				judgeSaves(t, p.Folder, r, again)
			}})
		})
	}
}

func judgeSaves(t *testing.T, folder string, r *syscalls.Result, again func() *syscalls.Result) {
	t.Helper()
	saved := max(savesPerRun, lastSaved(t, r.Stdout))
	newest := int64(2 * savesPerRun)
	if !r.Killed {
		assert.Contains(t, []int{0, 1}, r.Code, "it ends by itself")
	}

	path, err := dir.Latest(t.Context(), folder, &dir.LatestOptions{Verified: true})
	require.NoError(t, err)
	step := counterValue(t, path)
	assert.GreaterOrEqual(t, step, saved, "a checkpoint is lost")
	assert.LessOrEqual(t, step, newest)

	theirs := oracle.Value[map[string]int64](t, `
		path = tf.train.latest_checkpoint(args[0])
		reader = tf.train.load_checkpoint(path)
		result = {k: int(reader.get_tensor(k)) for k in ["global_step", "v", "w"]}
		result["meta"] = int(os.path.exists(path + ".meta"))
	`, folder)
	assert.GreaterOrEqual(t, theirs["global_step"], saved, "TensorFlow loses a checkpoint")
	assert.Equal(t, map[string]int64{"global_step": theirs["v"], "v": theirs["v"], "w": theirs["v"], "meta": 1}, theirs)

	next := again()
	require.Zero(t, next.Code, "%s\n%s", next.Stdout, next.Stderr)
	assert.NotContains(t, next.Stdout, "failed")
	first, _, _ := strings.Cut(next.Stdout, "\n")
	resumed, err := strconv.ParseInt(strings.TrimPrefix(first, "resumed "), 10, 64)
	require.NoError(t, err, first)
	assert.GreaterOrEqual(t, resumed, saved, "resume loses a checkpoint")
	assert.Equal(t, resumed+savesPerRun, lastSaved(t, next.Stdout))
	assertOnlyKeptFiles(t, folder)
}

// lastSaved returns the last step that a child has reported as saved, or 0.
func lastSaved(t *testing.T, stdout string) (step int64) {
	t.Helper()
	for line := range strings.Lines(stdout) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "saved "); ok {
			var err error
			step, err = strconv.ParseInt(rest, 10, 64)
			require.NoError(t, err)
		}
	}
	return step
}

// counterValue returns the value that all variables of a checkpoint have.
func counterValue(t *testing.T, path string) int64 {
	t.Helper()
	r, err := dir.Open(t.Context(), path, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, r.Close()) }()
	var values []int64
	for _, name := range []string{"global_step", "v", "w"} {
		data, err := r.ReadBytes(t.Context(), name, nil)
		require.NoError(t, err)
		values = append(values, int64(binary.LittleEndian.Uint64(data)))
	}
	require.Equal(t, []int64{values[0], values[0], values[0]}, values, "a mixture of two saves")
	return values[0]
}

// assertOnlyKeptFiles requires that every file in a folder belongs to a checkpoint that the
// state file lists, and that all of these are there.
func assertOnlyKeptFiles(t *testing.T, folder string) {
	t.Helper()
	state, err := dir.ReadState(t.Context(), folder, nil)
	require.NoError(t, err)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	files := make(map[string]int)
	for _, e := range entries {
		name := e.Name()
		i := slices.IndexFunc(state.AllModelCheckpointPaths, func(path string) bool {
			base := filepath.Base(path)
			return name == base || strings.HasPrefix(name, base+".") && !strings.Contains(name, "temp")
		})
		if i < 0 && name != "checkpoint" {
			assert.Fail(t, "a stray file", name)
		} else if i >= 0 {
			files[state.AllModelCheckpointPaths[i]]++
		}
	}
	for _, path := range state.AllModelCheckpointPaths {
		assert.GreaterOrEqual(t, files[path], 2, path)
	}
}

// No fault leaves half of an exported model, and the next export tidies up.
func TestFaultsOfExports(t *testing.T) {
	oracle.Python(t)
	t.Parallel()
	p := childProgram(t, exportMode)
	tryFaults(t, faultedProgram{program: p, judge: func(t *testing.T, r *syscalls.Result, again func() *syscalls.Result) {
		t.Helper()
		versions := wholeModels(t, p.Folder)
		if strings.Contains(r.Stdout, "saved 0") {
			assert.Len(t, versions, 2)
		}
		next := again()
		require.Equal(t, "saved 0\n", next.Stdout, next.Stderr)
		assert.Len(t, wholeModels(t, p.Folder), len(versions)+1)
		entries, err := os.ReadDir(p.Folder)
		require.NoError(t, err)
		assert.Len(t, entries, len(versions)+1, "a stray file")
	}})
}

// wholeModels requires that every numbered folder has a whole model, and returns them.
func wholeModels(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var models []string
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		path := filepath.Join(folder, e.Name())
		for report, err := range verify.Path(t.Context(), path, nil) {
			require.NoError(t, err)
			assert.Empty(t, report.Faults, path)
		}
		assert.Equal(t, float32(0), oracle.Value[float32](t, `
			with tf1.Session(graph=tf1.Graph()) as sess:
				model = tf1.saved_model.load(sess, ["serve"], args[0])
				result = float(sess.run(model.signature_def["serving_default"].outputs["out"].name))
		`, path))
		models = append(models, path)
	}
	return models
}
