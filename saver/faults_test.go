package saver_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/internal/vfs/crashfs"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// saveMode is a way to save repeatedly.
type saveMode struct {
	name string
	o    saver.Options
	// same saves without step numbers, so that each save replaces the last one.
	same bool
}

var saveModes = []saveMode{
	{"step names, keep 2", saver.Options{MaxToKeep: 2}, false},
	{"step names, keep 1", saver.Options{MaxToKeep: 1}, false},
	{"same prefix", saver.Options{}, true},
	{"sharded, keep 1", saver.Options{MaxToKeep: 1, Sharded: true}, false},
}

// faultBench saves a model into a file system that can fail. It can change the model's
// value without adding nodes.
type faultBench struct {
	mode saveMode
	g    *tf.Graph
	sess *tf.Session
	def  *graphdef.SaverDef
	feed tf.Output
	set  *tf.Operation // assigns the fed value to the global step
}

func newFaultBench(t *testing.T, mode saveMode) *faultBench {
	t.Helper()
	g := tf.NewGraph()
	b := &faultBench{mode: mode, g: g}
	step, err := tf.NewVariable(g, "global_step", tf.Value(int64(0)), &tf.VariableOptions{NotTrainable: true, Device: "/cpu:0"})
	require.NoError(t, err)
	g.AddToCollection(tf.GlobalStep, step)
	_, err = tf.NewVariable(g, "v", tf.Value(make([]float32, 1000)), &tf.VariableOptions{Device: "/cpu:1"})
	require.NoError(t, err)
	in, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Attrs: map[string]any{"dtype": dtype.Int64, "shape": tf.MakeShape()}})
	require.NoError(t, err)
	b.feed = in.Output(0)
	b.set, err = step.Assign(b.feed)
	require.NoError(t, err)
	s := newSaver(t, g, &mode.o)
	b.def = s.SaverDef()
	b.sess = multiCPU(t, g)
	initialize(t, g, b.sess)
	return b
}

func (b *faultBench) saver(t *testing.T, fs vfs.FS) *saver.Saver {
	t.Helper()
	o := b.mode.o
	o.SaverDef = b.def
	s, err := saver.New(b.g, &o)
	require.NoError(t, err)
	s.SetFS(fs)
	return s
}

const faultDir = "/ckpt"

// save saves with the global step set to a number.
func (b *faultBench) save(t *testing.T, s *saver.Saver, step int64) error {
	t.Helper()
	tensor, err := tf.NewTensor(step)
	require.NoError(t, err)
	defer tf.Release(tensor)
	_, err = b.sess.Run(ctx, map[tf.Output]*tf.Tensor{b.feed: tensor}, nil, []*tf.Operation{b.set}, nil)
	require.NoError(t, err)
	var o saver.SaveOptions
	if !b.mode.same {
		o.GlobalStep = saver.Step(step)
	}
	_, err = s.Save(ctx, b.sess, faultDir+"/m", &o)
	return err
}

// check resumes as a new process does, and checks the folder.
func (b *faultBench) check(t *testing.T, fs *crashfs.FS, oldest, newest int64, context string) {
	t.Helper()
	s := b.saver(t, fs)
	r, err := s.Resume(ctx, b.sess, faultDir, nil)
	require.NoError(t, err, context)
	require.Empty(t, r.Skipped, "%s: the newest checkpoint isn't whole", context)
	require.False(t, r.Fresh, context)
	require.GreaterOrEqual(t, r.Step, oldest, context)
	require.LessOrEqual(t, r.Step, newest, context)
	_, err = fs.Stat(r.Path + ".meta")
	require.NoError(t, err, "%s: no meta graph", context)
	assert.Empty(t, garbage(t, fs, s), context)

	// Saving continues.
	require.NoError(t, b.save(t, s, newest+1), context)
	assert.Empty(t, garbage(t, fs, s), "%s, after another save", context)
	require.NoError(t, s.Close(), context)
	assert.Empty(t, garbage(t, fs, s), "%s, after closing", context)
}

// garbage lists files that no kept checkpoint owns.
func garbage(t *testing.T, fs *crashfs.FS, s *saver.Saver) []string {
	t.Helper()
	entries, err := fs.ReadDir(faultDir)
	require.NoError(t, err)
	var stray []string
	for _, e := range entries {
		name := e.Name()
		owned := name == "checkpoint" || strings.HasSuffix(name, ".tfkeep-lock")
		for _, p := range kept(s) {
			rest, ok := strings.CutPrefix(name, filepath.Base(p))
			owned = owned || ok && (rest == ".index" || rest == ".meta" || strings.HasPrefix(rest, ".data-") && !strings.HasSuffix(rest, filenames.Temp("")))
		}
		if !owned {
			stray = append(stray, name)
		}
	}
	slices.Sort(stray)
	return stray
}

// After a kill, a full disk or a failing disk at any change that a save makes to the file
// system, the newest checkpoint is whole and has its meta graph. The next save or Resume
// removes everything else.
func TestFaultAtEveryOperation(t *testing.T) {
	for _, mode := range saveModes {
		t.Run(mode.name, func(t *testing.T) {
			b := newFaultBench(t, mode)
			for _, fault := range []crashfs.Fault{crashfs.Kill, crashfs.NoSpace, crashfs.IOError} {
				n := 1
				for b.failAt(t, fault, n) {
					n++
				}
				t.Logf("%v: %d operations", fault, n-1)
			}
		})
	}
}

// failAt saves with a fault at operation n and checks the folder. It returns false if the
// save has fewer operations.
func (b *faultBench) failAt(t *testing.T, fault crashfs.Fault, n int) bool {
	t.Helper()
	fs := crashfs.New()
	s := b.saver(t, fs)
	for step := range int64(3) {
		require.NoError(t, b.save(t, s, step+1))
	}
	fs.FailAt(n, fault)
	err := b.save(t, s, 4)
	reached := fs.Ops() >= n
	context := fmt.Sprintf("%v at operation %d", fault, n)
	if len(fs.Log()) > 0 && reached {
		context += ": " + fs.Log()[n-1]
	}
	if fault == crashfs.Kill {
		if reached {
			// Once the state file is written, the save has succeeded.
			require.True(t, err == nil || errors.Is(err, crashfs.ErrKilled), "%s: %v", context, err)
		}
		s.Die()
		fs.Restart()
		b.check(t, fs, 3, 4, context)
		return reached
	}
	// The process lives on, and the disk works again.
	fs.FailAt(0, crashfs.None)
	require.NoError(t, b.save(t, s, 5), context)
	assert.Empty(t, garbage(t, fs, s), "%s, after the next save", context)
	require.NoError(t, s.Close())
	b.check(t, fs, 5, 5, context)
	return reached
}

// After a power cut at any change, in each way in which file systems lose data that was not
// synced, there is a whole checkpoint; after Save has returned, it is the new one.
func TestPowerCutAtEveryOperation(t *testing.T) {
	for _, mode := range saveModes {
		t.Run(mode.name, func(t *testing.T) {
			b := newFaultBench(t, mode)
			for n := 1; ; n++ {
				fs := crashfs.New()
				s := b.saver(t, fs)
				for step := range int64(3) {
					require.NoError(t, b.save(t, s, step+1))
				}
				fs.FailAt(n, crashfs.Kill)
				err := b.save(t, s, 4)
				done := fs.Ops() < n
				s.Die()
				oldest := int64(3)
				if err == nil {
					oldest = 4
				}
				for i, after := range powerCuts(fs) {
					s := b.saver(t, after)
					r, err := s.Resume(ctx, b.sess, faultDir, nil)
					context := fmt.Sprintf("operation %d, power cut %d", n, i)
					require.NoError(t, err, context)
					require.GreaterOrEqual(t, r.Step, oldest, context)
					require.NoError(t, s.Close())
				}
				if done {
					break
				}
			}
		})
	}
}

// powerCuts returns the states in which a power cut may leave a file system.
func powerCuts(fs *crashfs.FS) []*crashfs.FS {
	var after []*crashfs.FS
	for _, loss := range []crashfs.Loss{crashfs.KeepNothing, crashfs.KeepNames, crashfs.KeepNamesEmpty, crashfs.KeepContents,
		crashfs.KeepSome, crashfs.KeepSome + 1, crashfs.KeepSome + 2} {
		c := fs.Clone()
		c.PowerCut(loss)
		after = append(after, c)
	}
	return after
}
