package saver_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// trained saves checkpoints of the steps 1 to n, in which the variable v is ten times the
// step.
func trained(t *testing.T, dir string, n int) {
	t.Helper()
	trainedWith(t, dir, n, nil)
}

func trainedWith(t *testing.T, dir string, n int, o *saver.Options) {
	t.Helper()
	g, v, step := model(t)
	s := newSaver(t, g, o)
	sess := initialized(t, g)
	for i := 1; i <= n; i++ {
		assign(t, sess, v, float32(10*i))
		assign(t, sess, step, int64(i))
		mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
	}
	require.NoError(t, s.Close())
}

func model(t *testing.T) (g *tf.Graph, v, step *tf.Variable) {
	t.Helper()
	g = tf.NewGraph()
	v = variable(t, g, "v", float32(0))
	step, err := tf.NewVariable(g, "global_step", tf.Value(int64(0)), &tf.VariableOptions{NotTrainable: true})
	require.NoError(t, err)
	g.AddToCollection(tf.GlobalStep, step)
	return g, v, step
}

func flip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[len(data)/8] ^= 0x10
	require.NoError(t, os.WriteFile(path, data, 0o644))
}

func TestResumeTakesTheNewest(t *testing.T) {
	dir := t.TempDir()
	trained(t, dir, 7)
	g, v, _ := model(t)
	s := newSaver(t, g, nil)
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, dir, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "m-7"), r.Path)
	assert.Equal(t, int64(7), r.Step)
	assert.False(t, r.Fresh)
	assert.ElementsMatch(t, []string{"v", "global_step"}, r.Report.Restored)
	assert.Equal(t, float32(70), tfgraph.Value(t, sess, v.Value()))
	// Retention continues; in TensorFlow it begins anew.
	assert.Len(t, kept(s), 5)
	mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(8)})
	assert.False(t, exists(filepath.Join(dir, "m-3")))
	assert.Len(t, files(t, dir), 1+5*3)
}

func TestResumeSkipsDamaged(t *testing.T) {
	for _, test := range []named[func(t *testing.T, prefix string)]{
		{"data bit", func(t *testing.T, p string) { flip(t, p+".data-00000-of-00001") }},
		{"index bit", func(t *testing.T, p string) { flip(t, p+".index") }},
		{"no data", func(t *testing.T, p string) { require.NoError(t, os.Remove(p+".data-00000-of-00001")) }},
		{"no index", func(t *testing.T, p string) { require.NoError(t, os.Remove(p+".index")) }},
		{"truncated index", func(t *testing.T, p string) { require.NoError(t, os.Truncate(p+".index", 10)) }},
		{"empty data", func(t *testing.T, p string) { require.NoError(t, os.Truncate(p+".data-00000-of-00001", 0)) }},
		{"everything empty", func(t *testing.T, p string) { require.NoError(t, os.Truncate(p+".index", 0)) }},
	} {
		name, damage := test.name, test.v
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			trained(t, dir, 3)
			damage(t, filepath.Join(dir, "m-3"))
			g, v, _ := model(t)
			s := newSaver(t, g, nil)
			sess := newSession(t, g)
			r, err := s.Resume(ctx, sess, dir, nil)
			require.NoError(t, err)
			assert.Equal(t, int64(2), r.Step)
			assert.Equal(t, filepath.Join(dir, "m-2"), r.Path)
			assert.Equal(t, float32(20), tfgraph.Value(t, sess, v.Value()))
			require.Len(t, r.Skipped, 1)
			assert.Equal(t, filepath.Join(dir, "m-3"), r.Skipped[0].Path)
			assert.ErrorContains(t, r.Skipped[0], "restore "+r.Skipped[0].Path)
		})
	}
}

func TestResumeRefusesDamagedFolder(t *testing.T) {
	dir := t.TempDir()
	trained(t, dir, 2)
	for _, p := range []string{"m-1", "m-2"} {
		flip(t, filepath.Join(dir, p+".data-00000-of-00001"))
	}
	g, _, _ := model(t)
	_, err := newSaver(t, g, nil).Resume(ctx, newSession(t, g), dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.ErrorContains(t, err, "no checkpoint of 2 is whole")

	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte("model_checkpoint_path: 7"), 0o644))
	_, err = newSaver(t, g, nil).Resume(ctx, newSession(t, g), dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
}

func TestResumeWithDamagedStateFile(t *testing.T) {
	for _, test := range []named[string]{
		{"empty", ""}, {"cut", "model_checkpoint_path: \"m"}, {"zeros", "\x00\x00\x00"}, {"link to nothing", "link"},
	} {
		name, content := test.name, test.v
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			trained(t, dir, 3)
			now := time.Now()
			for i, p := range []string{"m-1", "m-2", "m-3"} {
				at := now.Add(time.Duration(i) * time.Second)
				require.NoError(t, os.Chtimes(filepath.Join(dir, p+".index"), at, at))
			}
			plantState(t, filepath.Join(dir, "checkpoint"), content)
			g, _, _ := model(t)
			r, err := newSaver(t, g, nil).Resume(ctx, newSession(t, g), dir, nil)
			require.NoError(t, err)
			assert.Equal(t, int64(3), r.Step)
			require.Len(t, r.Skipped, 1)
			require.ErrorIs(t, r.Skipped[0], tfkeep.ErrCorrupt)
			assert.ErrorContains(t, r.Skipped[0], filepath.Join(dir, "checkpoint"))

			// V1 checkpoints are found by the state file only.
			dir = t.TempDir()
			trainedWith(t, dir, 2, &saver.Options{WriteVersion: checkpoint.V1})
			plantState(t, filepath.Join(dir, "checkpoint"), content)
			_, err = newSaver(t, g, nil).Resume(ctx, newSession(t, g), dir, nil)
			require.ErrorIs(t, err, tfkeep.ErrCorrupt)
		})
	}
}

// plantState puts a state file in the place of another: a text, or "link", a link to nothing.
func plantState(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.Remove(path))
	if content == "link" {
		require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "nothing"), path))
		return
	}
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// Without a state file, the times of the files count, unless the steps contradict them. Copies
// may have the same time.
func TestResumeWithoutStateFile(t *testing.T) {
	for _, test := range []struct {
		name    string
		seconds []int // of the checkpoints 1 to 10
		known   bool
	}{
		{"in order", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, true},
		{"all at once", make([]int, 10), true},
		{"copied by name", []int{1, 3, 4, 5, 6, 7, 8, 9, 10, 2}, false},
		{"the clock was set back", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, -1000}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			g, v, _ := model(t)
			s := newSaver(t, g, &saver.Options{MaxToKeep: 100})
			sess := initialized(t, g)
			for i, second := range test.seconds {
				assign(t, sess, v, float32(i+1))
				path := mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(i + 1), NoMetaGraph: true})
				at := time.Unix(1_000_000_000+int64(second), 0)
				require.NoError(t, os.Chtimes(path+".index", at, at))
			}
			require.NoError(t, os.Remove(filepath.Join(folder, "checkpoint")))
			require.NoError(t, s.Close())
			_, err := newSaver(t, g, nil).Resume(ctx, sess, folder, nil)
			if !test.known {
				require.ErrorIs(t, err, tfkeep.ErrMismatch)
				assert.ErrorContains(t, err, "m-9 was written last, and "+filepath.Join(folder, "m-10")+" has a higher step")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, float32(10), tfgraph.Value(t, sess, v.Value()))
		})
	}
}

func TestResumeFresh(t *testing.T) {
	g, _, _ := model(t)
	s := newSaver(t, g, nil)
	sess := newSession(t, g)
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "not there")} {
		r, err := s.Resume(ctx, sess, dir, nil)
		require.NoError(t, err)
		assert.Equal(t, &saver.Resumed{Fresh: true}, r)
	}
}

// A checkpoint that does not fit the graph is an error. It is not skipped as damaged.
func TestResumeReportsMismatch(t *testing.T) {
	dir := t.TempDir()
	trained(t, dir, 2)
	g, _, _ := model(t)
	variable(t, g, "extra", float32(1))
	_, err := newSaver(t, g, nil).Resume(ctx, newSession(t, g), dir, nil)
	var misfit *saver.RestoreError
	require.ErrorAs(t, err, &misfit)
	assert.Equal(t, "extra", misfit.Missing[0].Key)
}

func TestResumeInMovedFolder(t *testing.T) {
	root := t.TempDir()
	trained(t, filepath.Join(root, "a"), 3)
	require.NoError(t, os.Rename(filepath.Join(root, "a"), filepath.Join(root, "b")))
	g, _, _ := model(t)
	s := newSaver(t, g, nil)
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, filepath.Join(root, "b"), nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "b", "m-3"), r.Path)
	assert.Equal(t, filepath.Join(root, "b", "m-1"), kept(s)[0])
}

func TestResumeFromPythonsCheckpoints(t *testing.T) {
	dir := t.TempDir()
	oracle.Run(t, `
v = tf1.get_variable('v', initializer=0., use_resource=True)
step = tf1.train.get_or_create_global_step()
s = tf1.train.Saver(max_to_keep=2)
with tf1.Session() as sess:
    sess.run(tf1.global_variables_initializer())
    for i in range(4):
        sess.run([v.assign_add(1.), step.assign_add(1)])
        s.save(sess, args[0] + '/m', global_step=step)
`, dir)
	g := tf.NewGraph()
	s, err := saver.ImportMetaGraph(ctx, g, filepath.Join(dir, "m-4.meta"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, dir, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "m-4"), r.Path)
	assert.Equal(t, int64(4), r.Step)
	mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(5)})
	assert.Equal(t, []string{filepath.Join(dir, "m-4"), filepath.Join(dir, "m-5")}, kept(s))
	assert.Len(t, files(t, dir), 1+2*3)
}

// The time at which a checkpoint was last kept for good survives a restart.
func TestResumeContinuesKeepEvery(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1_000_000, 0)
	options := func() *saver.Options {
		return &saver.Options{MaxToKeep: 1, KeepEvery: time.Hour, Clock: func() time.Time { return now }}
	}
	for i := range 40 { // a restart every 20 minutes
		g, _, _ := model(t)
		s := newSaver(t, g, options())
		sess := newSession(t, g)
		r, err := s.Resume(ctx, sess, dir, nil)
		require.NoError(t, err)
		if r.Fresh {
			sess = initialized(t, g)
		}
		now = now.Add(20 * time.Minute)
		path := mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(i), NoMetaGraph: true})
		require.NoError(t, os.Chtimes(path+".index", now, now))
		require.NoError(t, s.Close())
	}
	indexes, err := filepath.Glob(filepath.Join(dir, "*.index"))
	require.NoError(t, err)
	assert.InDelta(t, 40/3, len(indexes), 2, "one an hour, and the newest")
}

// A process that dies may leave a checkpoint to keep for good in its list. The next one keeps
// it, also after a pause.
func TestResumeKeepsWhatWasDueBefore(t *testing.T) {
	for _, pause := range []time.Duration{0, 10 * time.Hour} {
		folder := t.TempDir()
		start := time.Unix(1_000_000, 0)
		now := start
		run := func(saves int) {
			g, _, _ := model(t)
			s := newSaver(t, g, &saver.Options{MaxToKeep: 10, KeepEvery: time.Hour, Clock: func() time.Time { return now }})
			sess := initialized(t, g)
			_, err := s.Resume(ctx, sess, folder, nil)
			require.NoError(t, err)
			for range saves {
				now = now.Add(10 * time.Minute)
				minutes := int(now.Sub(start) / time.Minute)
				path := mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(minutes), NoMetaGraph: true})
				require.NoError(t, os.Chtimes(path+".index", now, now))
			}
			require.NoError(t, s.Close())
		}
		run(11) // 10 to 110; the one of 70 is to be kept, when the list has become longer
		now = now.Add(pause)
		run(16)
		var kept []int64
		list, err := dir.List(ctx, folder, nil)
		require.NoError(t, err)
		for _, c := range list {
			if !c.Listed {
				kept = append(kept, c.Step)
			}
		}
		first := int64(130)
		if pause > 0 {
			first = 120 + int64(pause/time.Minute)
		}
		assert.ElementsMatch(t, []int64{70, first}, kept, "pause %v", pause)
	}
}
