package saver_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// tensorOf makes a tensor of a checkpoint.
func tensorOf(shape []int64, values ...float32) *checkpoint.Tensor {
	data, _ := binary.Append(nil, binary.LittleEndian, values)
	return &checkpoint.Tensor{DType: dtype.Float32, Shape: shape, Data: data}
}

// changed is the model of TestResumePolicies: kernel was w and has a row more, b is as it was,
// and head is new.
func changed(t *testing.T) (g *tf.Graph, kernel, b, head *tf.Variable) {
	g = tf.NewGraph()
	kernel = variable(t, g, "kernel", [][]float32{{-1, -1}, {-1, -1}, {-1, -1}})
	b = variable(t, g, "b", []float32{-1, -1})
	head = variable(t, g, "head", float32(-1))
	return g, kernel, b, head
}

func TestResumePolicies(t *testing.T) {
	folder := t.TempDir()
	g := tf.NewGraph()
	variable(t, g, "w", [][]float32{{1, 2}, {3, 4}})
	variable(t, g, "b", []float32{5, 6})
	variable(t, g, "left", float32(7))
	s := newSaver(t, g, nil)
	mustSave(t, s, initialized(t, g), filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(1)})
	require.NoError(t, s.Close())

	grow := func(ctx context.Context, want saver.Wanted, from *checkpoint.Reader) (*checkpoint.Tensor, error) {
		if want.Variable != "kernel" {
			return nil, nil
		}
		assert.Equal(t, []int64{3, 2}, want.Shape)
		old, err := checkpoint.Values[float32](ctx, from, "w", nil)
		if err != nil {
			return nil, err
		}
		return tensorOf([]int64{3, 2}, append(old, 0, 0)...), nil
	}
	for _, test := range []struct {
		name        string
		o           *saver.ResumeOptions
		kernel      [][]float32
		notRestored []string
		unused      []string
	}{
		{"partial", &saver.ResumeOptions{Partial: true}, [][]float32{{-1, -1}, {-1, -1}, {-1, -1}}, []string{"head", "kernel"}, []string{"left", "w"}},
		{"renamed, of another shape", &saver.ResumeOptions{Partial: true, Rename: map[string]string{"kernel": "w"}}, [][]float32{{-1, -1}, {-1, -1}, {-1, -1}}, []string{"head", "kernel"}, []string{"left"}},
		{"adapted", &saver.ResumeOptions{Partial: true, Adapt: grow}, [][]float32{{1, 2}, {3, 4}, {0, 0}}, []string{"head"}, []string{"left", "w"}},
		{"renamed and adapted", &saver.ResumeOptions{Partial: true, Rename: map[string]string{"kernel": "w"}, Adapt: grow}, [][]float32{{1, 2}, {3, 4}, {0, 0}}, []string{"head"}, []string{"left"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, kernel, b, head := changed(t)
			s := newSaver(t, g, nil)
			sess := newSession(t, g)
			r, err := s.Resume(ctx, sess, folder, test.o)
			require.NoError(t, err)
			assert.Equal(t, int64(1), r.Step)
			assert.Equal(t, test.notRestored, r.Report.NotRestored)
			assert.Equal(t, test.unused, r.Report.Unused)
			assert.Equal(t, test.kernel, tfgraph.Value(t, sess, kernel.Value()))
			assert.Equal(t, []float32{5, 6}, tfgraph.Value(t, sess, b.Value()))
			assert.Equal(t, float32(-1), tfgraph.Value(t, sess, head.Value()))
			require.NoError(t, s.Close())
		})
	}

	t.Run("exact", func(t *testing.T) {
		g, _, _, _ := changed(t)
		s := newSaver(t, g, nil)
		_, err := s.Resume(ctx, newSession(t, g), folder, nil)
		var misfit *saver.RestoreError
		require.ErrorAs(t, err, &misfit)
		assert.ErrorContains(t, err, "set ResumeOptions.Partial")
		assert.NotContains(t, err.Error(), "RestoreOptions")
	})
	t.Run("adapted to the wrong size", func(t *testing.T) {
		for _, tensor := range []*checkpoint.Tensor{tensorOf([]int64{3, 2}, 1), tensorOf([]int64{-3, 2}, 1), {DType: dtype.String, Shape: []int64{2}}} {
			g, _, _, _ := changed(t)
			_, err := newSaver(t, g, nil).Resume(ctx, newSession(t, g), folder, &saver.ResumeOptions{Partial: true,
				Adapt: func(context.Context, saver.Wanted, *checkpoint.Reader) (*checkpoint.Tensor, error) {
					return tensor, nil
				}})
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.ErrorContains(t, err, "ResumeOptions.Adapt returned")
		}
	})
	t.Run("adapted to the wrong shape", func(t *testing.T) {
		g, _, _, _ := changed(t)
		_, err := newSaver(t, g, nil).Resume(ctx, newSession(t, g), folder, &saver.ResumeOptions{
			Adapt: func(context.Context, saver.Wanted, *checkpoint.Reader) (*checkpoint.Tensor, error) {
				return tensorOf([]int64{7}, make([]float32, 7)...), nil
			}})
		require.ErrorIs(t, err, tfkeep.ErrMismatch)
	})
	t.Run("the function fails", func(t *testing.T) {
		mine := errors.New("mine")
		g, _, _, _ := changed(t)
		_, err := newSaver(t, g, nil).Resume(ctx, newSession(t, g), folder, &saver.ResumeOptions{
			Adapt: func(context.Context, saver.Wanted, *checkpoint.Reader) (*checkpoint.Tensor, error) { return nil, mine }})
		require.ErrorIs(t, err, mine)
	})
	t.Run("initialized by a function", func(t *testing.T) {
		g, _, _, _ := changed(t)
		var names []string
		sess := newSession(t, g)
		_, err := newSaver(t, g, nil).Resume(ctx, sess, folder, &saver.ResumeOptions{Partial: true,
			Initialize: func(_ context.Context, _ *tf.Session, vars []*tf.Variable) error {
				for _, v := range vars {
					names = append(names, v.Name())
				}
				return nil
			}})
		require.NoError(t, err)
		assert.Equal(t, []string{"head", "kernel"}, names)
	})
}

// A training whose variables were renamed resumes with the same options again, when its
// own checkpoints have the new names. With both names in the checkpoint nobody knows.
func TestResumeRenamedTwice(t *testing.T) {
	folder := t.TempDir()
	trained(t, folder, 1) // v and global_step
	o := &saver.ResumeOptions{Rename: map[string]string{"weights": "v"}}
	for step := int64(1); step <= 3; step++ {
		g := tf.NewGraph()
		w := variable(t, g, "weights", float32(0))
		count := variable(t, g, "global_step", int64(0))
		g.AddToCollection(tf.GlobalStep, count)
		s := newSaver(t, g, nil)
		sess := newSession(t, g)
		r, err := s.Resume(ctx, sess, folder, o)
		require.NoError(t, err)
		assert.Equal(t, step, r.Step)
		assert.Equal(t, float32(10), tfgraph.Value(t, sess, w.Value()))
		assign(t, sess, count, step+1)
		mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(count)})
		require.NoError(t, s.Close())
	}
	g, _, _ := model(t)
	both := t.TempDir()
	variable(t, g, "weights", float32(1))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	mustSave(t, s, sess, filepath.Join(both, "m"), nil)
	_, err := s.Resume(ctx, sess, both, o)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "it is unknown whether weights was renamed")
}

// The parts of a partitioned variable have one key. All of them are initialized.
func TestPartialResumeInitializesAllParts(t *testing.T) {
	folder := t.TempDir()
	trained(t, folder, 1)
	g, _, _ := model(t)
	partition(t, g, "p", 4, 3, 2, true)
	s := newSaver(t, g, nil)
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, folder, &saver.ResumeOptions{Partial: true})
	require.NoError(t, err)
	assert.Len(t, r.Report.NotRestored, 2)
	missing, err := tf.UninitializedVariables(ctx, sess)
	require.NoError(t, err)
	assert.Empty(t, missing)
}

// Partial takes over the list of kept checkpoints as a whole restore does.
func TestPartialResumeKeepsTheList(t *testing.T) {
	for _, c := range []struct {
		name string
		add  func(t *testing.T, g *tf.Graph)
	}{
		{"all fits", func(*testing.T, *tf.Graph) {}},
		{"one variable more", func(t *testing.T, g *tf.Graph) { variable(t, g, "more", float32(1)) }},
	} {
		for _, partial := range []bool{false, true} {
			if !partial && c.name != "all fits" {
				continue
			}
			t.Run(fmt.Sprint(c.name, ", partial ", partial), func(t *testing.T) {
				folder := t.TempDir()
				trained(t, folder, 7)
				g, _, _ := model(t)
				c.add(t, g)
				s := newSaver(t, g, nil)
				sess := newSession(t, g)
				_, err := s.Resume(ctx, sess, folder, &saver.ResumeOptions{Partial: partial})
				require.NoError(t, err)
				assert.Len(t, kept(s), 5)
				mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(8)})
				assert.Len(t, kept(s), 5)
				assert.False(t, exists(filepath.Join(folder, "m-3")))
			})
		}
	}
}

// If nothing fits, or only the global step that every program has, the folder may be another
// program's. Its checkpoints are neither taken for this model's nor removed.
func TestPartialResumeRefusesForeignModel(t *testing.T) {
	folder := t.TempDir()
	trained(t, folder, 3)
	for _, counts := range []bool{false, true} {
		g := tf.NewGraph()
		variable(t, g, "other", float32(1))
		if counts {
			g.AddToCollection(tf.GlobalStep, variable(t, g, "global_step", int64(0)))
		}
		s := newSaver(t, g, nil)
		sess := newSession(t, g)
		_, err := s.Resume(ctx, sess, folder, &saver.ResumeOptions{Partial: true})
		var misfit *saver.RestoreError
		require.ErrorAs(t, err, &misfit)
		assert.ErrorContains(t, err, "it may be of another program")
		assert.Empty(t, kept(s))
		// A value that the program makes of the checkpoint is enough.
		r, err := s.Resume(ctx, sess, folder, &saver.ResumeOptions{Adapt: func(context.Context, saver.Wanted, *checkpoint.Reader) (*checkpoint.Tensor, error) {
			return tensorOf(nil, 5), nil
		}})
		require.NoError(t, err)
		assert.Empty(t, r.Report.NotRestored)
		require.NoError(t, s.Close())
	}
}

// A new variable has the name that another one had before. By default both would get its value.
func TestResumeWithNewVariableUnderOldName(t *testing.T) {
	folder := t.TempDir()
	trained(t, folder, 1) // v is 10
	g, v, _ := model(t)
	w := variable(t, g, "weights", float32(-1))
	set, err := v.Assign(tfgraph.Const(t, g, "", float32(7)))
	require.NoError(t, err)
	resume := func(o *saver.ResumeOptions) (*tf.Session, *saver.Saver, error) {
		s := newSaver(t, g, nil)
		sess := initialized(t, g)
		_, err := s.Resume(ctx, sess, folder, o)
		return sess, s, err
	}
	_, _, err = resume(&saver.ResumeOptions{Partial: true, Rename: map[string]string{"weights": "v"}})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, `gives the value of v in the checkpoint to weights, and the graph has another variable v; map that to ""`)

	sess, _, err := resume(&saver.ResumeOptions{Rename: map[string]string{"weights": "v", "v": "v"}})
	require.NoError(t, err)
	assert.Equal(t, float32(10), tfgraph.Value(t, sess, v.Value()))
	assert.Equal(t, float32(10), tfgraph.Value(t, sess, w.Value()))

	_, _, err = resume(&saver.ResumeOptions{Partial: true, Rename: map[string]string{"v": ""}})
	require.ErrorIs(t, err, tfkeep.ErrArgument)

	moved := &saver.ResumeOptions{Partial: true, Rename: map[string]string{"weights": "v", "v": ""}}
	_, _, err = resume(&saver.ResumeOptions{Rename: moved.Rename})
	var misfit *saver.RestoreError
	require.ErrorAs(t, err, &misfit, "without Partial, the new one has no value")
	for _, want := range []float32{0, 7} {
		sess, s, err := resume(moved)
		require.NoError(t, err)
		assert.Equal(t, want, tfgraph.Value(t, sess, v.Value()), "initialized, and then that of the own checkpoint")
		assert.Equal(t, float32(10), tfgraph.Value(t, sess, w.Value()))
		require.NoError(t, sess.RunOps(ctx, set))
		mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(2)})
		require.NoError(t, s.Close())
	}
}

// readOnlyFS is a file system that was mounted read-only.
type readOnlyFS struct{ vfs.FS }

func (readOnlyFS) MkdirAll(name string, _ fs.FileMode) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.EROFS}
}

func (r readOnlyFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if flag != os.O_RDONLY {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EROFS}
	}
	return r.FS.OpenFile(name, flag, perm)
}

// A program that does not save resumes from a folder that it can only read. Lock says it.
func TestResumeFromReadOnlyFolder(t *testing.T) {
	folder := t.TempDir()
	trained(t, folder, 2)
	g, _, _ := model(t)
	s := newSaver(t, g, nil)
	s.SetFS(readOnlyFS{vfs.OS})
	r, err := s.Resume(ctx, newSession(t, g), folder, nil)
	require.NoError(t, err)
	assert.Equal(t, int64(2), r.Step)
	r, err = s.Resume(ctx, newSession(t, g), filepath.Join(folder, "none"), nil)
	require.NoError(t, err)
	assert.True(t, r.Fresh)
	err = s.Lock(ctx, folder, nil)
	require.ErrorIs(t, err, syscall.EROFS)
	assert.ErrorContains(t, err, "lock "+folder)
}

// TensorFlow removes one checkpoint a save, and so has too many for ever.
func TestRetentionComesDownAfterRestart(t *testing.T) {
	folder := t.TempDir()
	g, _, step := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 10})
	sess := initialized(t, g)
	for i := range 10 {
		assign(t, sess, step, int64(i))
		mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
	}
	// Another run saves into the same folder, with a state file of its own.
	mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(100), LatestFilename: "theirs"})
	require.NoError(t, s.Close())

	g, _, _ = model(t)
	s = newSaver(t, g, &saver.Options{MaxToKeep: 2})
	sess = newSession(t, g)
	_, err := s.Resume(ctx, sess, folder, nil)
	require.NoError(t, err)
	mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(10)})
	list, err := dir.List(ctx, folder, nil)
	require.NoError(t, err)
	var names []string
	for _, c := range list {
		names = append(names, filepath.Base(c.Prefix))
	}
	assert.Equal(t, []string{"m-10", "m-9", "m-100"}, names)
}

// A clock that was wrong when the state file was written, or that is set back, does not
// stop checkpoints from being kept for good.
func TestKeepEveryAfterClockJumps(t *testing.T) {
	for _, test := range []struct {
		name string
		jump time.Duration
	}{{"back by a year", -365 * 24 * time.Hour}, {"forth by a day", 24 * time.Hour}, {"none", 0}} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			now := time.Unix(2_000_000_000, 0)
			run := func(saves int) {
				g, _, _ := model(t)
				s := newSaver(t, g, &saver.Options{MaxToKeep: 1, KeepEvery: time.Hour, Clock: func() time.Time { return now }})
				sess := initialized(t, g)
				_, err := s.Resume(ctx, sess, folder, nil)
				require.NoError(t, err)
				for range saves {
					now = now.Add(10 * time.Minute)
					path := mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(now.Unix()), NoMetaGraph: true})
					require.NoError(t, os.Chtimes(path+".index", now, now))
				}
				require.NoError(t, s.Close())
			}
			run(13)
			now = now.Add(test.jump)
			run(19)
			indexes, err := filepath.Glob(filepath.Join(folder, "*.index"))
			require.NoError(t, err)
			assert.GreaterOrEqual(t, len(indexes), 3+1)
			assert.LessOrEqual(t, len(indexes), 7, "one an hour, the first and the newest")
		})
	}
}
