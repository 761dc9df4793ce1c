package checkpoint_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/internal/vfs/crashfs"
)

// The tests in this file run an action on a file system that fails, or loses power, at
// each change of the action in turn. Then they check three things: there is a whole
// checkpoint, the old or the new one; if the action reported success, it is the new
// one; after Sweep there are no other files.

var bg = context.Background()

// onFS returns a context that makes the functions work in a file system.
func onFS(fsys vfs.FS) context.Context { return vfs.NewContext(bg, fsys) }

// model is the content of a checkpoint: each tensor has the version.
type model struct {
	version int64
	shards  int
	meta    bool
}

func (m model) tensors() []checkpoint.Tensor {
	var out []checkpoint.Tensor
	for i := range 3 * m.shards {
		data := make([]byte, 0, 8*300)
		for j := range 300 {
			data = binary.LittleEndian.AppendUint64(data, uint64(m.version*1000)+uint64(j+i))
		}
		// The second tensor of each shard is too large for the buffer of small tensors.
		if i%3 == 1 {
			for range 3 {
				data = append(data, data...)
			}
		}
		out = append(out, checkpoint.Tensor{Name: fmt.Sprintf("t%d", i), DType: dtype.Int64, Shape: []int64{int64(len(data) / 8)}, Data: data, Shard: i / 3})
	}
	return out
}

func (m model) metaGraph() []byte { return fmt.Appendf(nil, "meta graph %d", m.version) }

func (m model) write(fsys vfs.FS, prefix string, noSync bool) error {
	w, err := checkpoint.Create(onFS(fsys), prefix, &checkpoint.WriterOptions{NumShards: m.shards, NoSync: noSync, Workers: 1})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Add(bg, m.tensors()...); err != nil {
		return err
	}
	if m.meta {
		if err := w.AddFile(".meta", m.metaGraph()); err != nil {
			return err
		}
	}
	return w.Commit(bg)
}

// check reads a checkpoint and compares it with the model.
func (m model) check(fsys vfs.FS, prefix string) error {
	r, err := checkpoint.Open(onFS(fsys), prefix, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	want := m.tensors()
	if len(slices.Collect(r.Tensors())) != len(want) {
		return fmt.Errorf("%d tensors, want %d", len(slices.Collect(r.Tensors())), len(want))
	}
	for _, t := range want {
		got, err := r.ReadBytes(bg, t.Name, nil)
		if err != nil {
			return err
		}
		if string(got) != string(t.Data) {
			return fmt.Errorf("%s differs", t.Name)
		}
	}
	if m.meta {
		if _, err := vfs.ReadFile(fsys, prefix+".meta", 1<<20); err != nil {
			return fmt.Errorf("the meta graph is missing: %w", err)
		}
	}
	return nil
}

// scenario is an action with the checkpoints before and after it; nil means none.
type scenario struct {
	name    string
	prepare func(t *testing.T, f *crashfs.FS)
	act     func(f vfs.FS) error
	prefix  string
	old     *model
	new     *model
}

func scenarios() []scenario {
	one, two, three := model{1, 1, true}, model{2, 1, true}, model{3, 1, true}
	shard1, shard2 := model{1, 2, true}, model{2, 2, true}
	prepare := func(models ...model) func(*testing.T, *crashfs.FS) {
		return func(t *testing.T, f *crashfs.FS) {
			require.NoError(t, f.MkdirAll("/d", 0o755))
			for _, m := range models {
				require.NoError(t, m.write(f, "/d/m", false))
			}
		}
	}
	write := func(m model) func(vfs.FS) error { return func(f vfs.FS) error { return m.write(f, "/d/m", false) } }
	return []scenario{
		{"new", prepare(), write(one), "/d/m", nil, &one},
		{"new directory", func(*testing.T, *crashfs.FS) {}, write(one), "/d/m", nil, &one},
		{"new sharded", prepare(), write(shard1), "/d/m", nil, &shard1},
		{"overwrite", prepare(one), write(two), "/d/m", &one, &two},
		{"overwrite what was overwritten", prepare(one, two), write(three), "/d/m", &two, &three},
		{"overwrite sharded", prepare(shard1), write(shard2), "/d/m", &shard1, &shard2},
		{"from one shard to two", prepare(one), write(shard2), "/d/m", &one, &shard2},
		{"from two shards to one", prepare(shard1), write(two), "/d/m", &shard1, &two},
		{"remove", prepare(one), func(f vfs.FS) error { return dir.Remove(onFS(f), "/d/m", nil) }, "/d/m", &one, nil},
		{"remove sharded", prepare(one, shard2), func(f vfs.FS) error { return dir.Remove(onFS(f), "/d/m", nil) }, "/d/m", &shard2, nil},
	}
}

func TestFaultLeavesOldOrNewCheckpoint(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			for _, fault := range []crashfs.Fault{crashfs.Kill, crashfs.NoSpace, crashfs.IOError} {
				s.eachOperation(t, func(f *crashfs.FS, n int) {
					f.FailAt(n, fault)
					err := s.act(f)
					where := fmt.Sprintf("%v at %d: %s", fault, n, lastOf(f.Log()))
					switch {
					case fault == crashfs.NoSpace && err != nil:
						require.ErrorIs(t, err, syscall.ENOSPC, where)
					case fault == crashfs.IOError && err != nil:
						require.ErrorIs(t, err, syscall.EIO, where)
					case fault == crashfs.Kill && err != nil:
						require.ErrorIs(t, err, crashfs.ErrKilled, where)
					}
					f.Restart()
					s.requireOldOrNew(t, f, err == nil, where)
					s.requireClean(t, f, where)
				})
			}
		})
	}
}

// If the disk is full, a failed save frees at once what it had used.
func TestFailedSaveLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios()[:8] {
		t.Run(s.name, func(t *testing.T) {
			s.eachOperation(t, func(f *crashfs.FS, n int) {
				before := f.Names("/")
				f.FailAt(n, crashfs.NoSpace)
				if s.act(f) != nil {
					require.Equal(t, before, f.Names("/"), "ENOSPC at %d: %s", n, lastOf(f.Log()))
				}
			})
		})
	}
}

func TestPowerCutLeavesOldOrNewCheckpoint(t *testing.T) {
	t.Parallel()
	losses := []crashfs.Loss{crashfs.KeepNothing, crashfs.KeepNames, crashfs.KeepNamesEmpty, crashfs.KeepContents}
	for i := range 4 {
		losses = append(losses, crashfs.KeepSome+crashfs.Loss(i))
	}
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			for _, loss := range losses {
				s.eachOperation(t, func(f *crashfs.FS, n int) {
					f.FailAt(n, crashfs.Kill)
					err := s.act(f)
					where := fmt.Sprintf("power cut (%d) at %d: %s", loss, n, lastOf(f.Log()))
					f.PowerCut(loss)
					s.requireOldOrNew(t, f, err == nil && s.new != nil, where)
					s.requireClean(t, f, where)
				})
			}
		})
	}
}

// eachOperation runs a test for every change of the action, and for one more, which no
// fault meets.
func (s *scenario) eachOperation(t *testing.T, test func(f *crashfs.FS, n int)) {
	base := crashfs.New()
	s.prepare(t, base)
	dry := base.Clone()
	require.NoError(t, s.act(dry))
	total := dry.Ops()
	require.Greater(t, total, 3)
	for n := 1; n <= total+1; n++ {
		test(base.Clone(), n)
	}
}

func (s *scenario) requireOldOrNew(t *testing.T, f *crashfs.FS, succeeded bool, where string) {
	t.Helper()
	if s.new != nil {
		err := s.new.check(f, s.prefix)
		if err == nil {
			return
		}
		require.False(t, succeeded, "%s: success was reported, but: %v\n%s", where, err, strings.Join(f.Names("/"), "\n"))
	}
	if s.old != nil {
		err := s.old.check(f, s.prefix)
		if err == nil {
			require.False(t, succeeded, "%s: success was reported, but the old one is there", where)
			return
		}
		require.Nil(t, s.new, "%s: neither the old nor the new: %v\n%s", where, err, strings.Join(f.Names("/"), "\n"))
	}
	_, err := f.Stat(filenames.Index(s.prefix))
	require.Error(t, err, "%s: there is an index without a checkpoint\n%s", where, strings.Join(f.Names("/"), "\n"))
}

// requireClean calls Sweep and requires that only the files of one checkpoint remain.
func (s *scenario) requireClean(t *testing.T, f *crashfs.FS, where string) {
	t.Helper()
	before := strings.Join(f.Names("/"), "\n")
	_, err := dir.Sweep(onFS(f), "/d", &dir.SweepOptions{Idle: -1})
	require.NoError(t, err, where)
	var allowed []string
	for _, m := range []*model{s.old, s.new} {
		if m != nil && m.check(f, s.prefix) == nil {
			allowed = append(allowed, filenames.Index(s.prefix), s.prefix+".meta")
			data := 0
			for _, name := range f.Names("/") {
				if prefix, _, _, ok := filenames.ParseData(name); ok && prefix == s.prefix {
					allowed = append(allowed, name)
					data++
				}
			}
			require.Equal(t, m.shards, data, where)
		}
	}
	sort.Strings(allowed)
	require.Equal(t, allowed, append([]string(nil), f.Names("/")...), "%s: not clean after Sweep; before it:\n%s", where, before)
}

func lastOf(log []string) string {
	if len(log) == 0 {
		return "before the first operation"
	}
	return log[len(log)-1]
}

func TestNextWriterRemovesDeadWritersFiles(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios()[:8] {
		t.Run(s.name, func(t *testing.T) {
			s.eachOperation(t, func(f *crashfs.FS, n int) {
				f.FailAt(n, crashfs.Kill)
				_ = s.act(f)
				where := fmt.Sprintf("kill at %d: %s", n, lastOf(f.Log()))
				f.Restart()
				again := model{9, 1, false}
				require.NoError(t, again.write(f, s.prefix, false), where)
				require.NoError(t, again.check(f, s.prefix), where)
				files := f.Names("/")
				stray := s.prefix + ".meta.tfkeep-tmp" // For Sweep: the next writer may have no meta graph.
				kept := files[:0]
				for _, name := range files {
					if name != stray && name != s.prefix+".meta" {
						kept = append(kept, name)
					}
				}
				require.Len(t, kept, 2, "%s: want an index and a data file", where)
			})
		})
	}
}

// A V1 checkpoint of one file also replaces another as a whole.
func TestFaultLeavesOldOrNewV1File(t *testing.T) {
	t.Parallel()
	write := func(f vfs.FS, version byte) error {
		w, err := checkpoint.Create(onFS(f), "/d/m", &checkpoint.WriterOptions{Version: checkpoint.V1})
		if err != nil {
			return err
		}
		defer w.Close()
		data := make([]byte, 100_000)
		data[0] = version
		if err := w.Add(bg, checkpoint.Tensor{Name: "v", DType: dtype.Uint8, Shape: []int64{100_000}, Data: data}); err != nil {
			return err
		}
		return w.Commit(bg)
	}
	s := scenario{
		prepare: func(t *testing.T, f *crashfs.FS) {
			require.NoError(t, f.MkdirAll("/d", 0o755))
			require.NoError(t, write(f, 1))
		},
		act: func(f vfs.FS) error { return write(f, 2) },
	}
	version := func(f *crashfs.FS, where string) byte {
		r, err := checkpoint.Open(onFS(f), "/d/m", nil)
		require.NoError(t, err, where)
		defer r.Close()
		got, err := r.ReadBytes(bg, "v", nil)
		require.NoError(t, err, where)
		return got[0]
	}
	for _, fault := range []crashfs.Fault{crashfs.Kill, crashfs.NoSpace, crashfs.IOError} {
		for _, loss := range []crashfs.Loss{-1, crashfs.KeepNothing, crashfs.KeepNames, crashfs.KeepContents, crashfs.KeepSome} {
			s.eachOperation(t, func(f *crashfs.FS, n int) {
				f.FailAt(n, fault)
				err := s.act(f)
				where := fmt.Sprintf("%v at %d, then %d: %s", fault, n, loss, lastOf(f.Log()))
				if loss < 0 {
					f.Restart()
				} else {
					f.PowerCut(loss)
				}
				got := version(f, where)
				if err == nil {
					require.Equal(t, byte(2), got, where)
				}
				_, err = dir.Sweep(onFS(f), "/d", nil)
				require.NoError(t, err, where)
				require.Equal(t, []string{"/d/m"}, f.Names("/"), where)
			})
		}
	}
}

func TestFullDiskError(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	require.NoError(t, f.MkdirAll("/d", 0o755))
	f.FailAt(4, crashfs.NoSpace)
	err := model{1, 1, false}.write(f, "/d/m", false)
	require.ErrorIs(t, err, syscall.ENOSPC)
	var e *tfkeep.Error
	require.True(t, errors.As(err, &e))
	require.Contains(t, e.Path, "/d/m")
}
