package dir

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep/checkpoint/internal/recovery"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// SweepOptions tunes [Sweep]. Nil and the zero value are the right defaults.
type SweepOptions struct {
	// Idle is the time for which a temporary file of TensorFlow must not have changed
	// before it is removed, because TensorFlow holds no lock on it. 0 means an hour. A
	// negative value removes such files at once, for callers who know that no
	// TensorFlow is writing there.
	Idle time.Duration
}

// Sweep removes the files that dead writers left in a folder, and returns the paths that
// it removed. It leaves complete checkpoints alone, and the files of running writers,
// which it recognizes by their locks. It removes
//
//   - the temporary files and locks of this module; data files of checkpoints that were
//     never committed, that were replaced, or that were removed in part;
//   - TensorFlow's temporary files (*.tempstate…, the folders *_temp and *_temp_… of
//     sharded saves, *.tmp…) once they are older than SweepOptions.Idle.
//
// After a failure it continues with the other files, and reports all failures together.
// It is not an error if the folder does not exist.
func Sweep(ctx context.Context, folder string, o *SweepOptions) ([]string, error) {
	if err := argcheck.Context(ctx, "sweep", folder); err != nil {
		return nil, err
	}
	s := sweeper{ctx: ctx, fs: vfs.FromContext(ctx), dir: folder, idle: time.Hour, prefixes: map[string]map[int]bool{}}
	if o != nil && o.Idle != 0 {
		s.idle = o.Idle
	}
	return s.sweep()
}

type sweeper struct {
	ctx  context.Context
	fs   vfs.FS
	dir  string
	idle time.Duration

	// prefixes are the prefixes that may need recovery, with the numbers of shards in
	// the names of their data files. More than one number means that a checkpoint was
	// replaced; -1 means that there are temporary files.
	prefixes map[string]map[int]bool
	removed  []string
	errs     []error
}

func (s *sweeper) sweep() ([]string, error) {
	entries, err := s.fs.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, vfs.Error("sweep", s.dir, err)
	}
	for _, e := range entries {
		if s.ctx.Err() != nil {
			break
		}
		s.visit(e)
	}
	for _, p := range s.dirtyPrefixes() {
		if s.ctx.Err() != nil {
			break
		}
		removed, err := recovery.Sweep(s.fs, p)
		s.note(removed, err)
	}
	slices.Sort(s.removed)
	return s.removed, errors.Join(append(s.errs, s.ctx.Err())...)
}

// visit removes an entry if its name alone decides that. Otherwise an index decides,
// and visit keeps the prefix for later.
func (s *sweeper) visit(e fs.DirEntry) {
	name := e.Name()
	path := filepath.Join(s.dir, name)
	final, isTemp := filenames.ParseTemp(name)
	_, isLock := filenames.ParseLock(name)
	prefix, _, total, isData := filenames.ParseData(final)
	index, isIndex := filenames.ParseIndex(final)
	switch {
	case !e.IsDir() && !e.Type().IsRegular():
		// A link, for example: no writer has made it.
	case e.IsDir():
		if filenames.IsShardsDir(name) {
			s.sweepShardsDir(path)
		}
	case isTemp && isData:
		s.totals(prefix)[-1] = true
	case isTemp && isIndex:
		s.totals(index)[-1] = true
	case isTemp, isLock:
		s.sweepUnlocked(path)
	case isData:
		s.totals(prefix)[total] = true
	case filenames.IsTensorFlowTemp(name):
		s.sweepIdle(path, e)
	}
}

func (s *sweeper) totals(base string) map[int]bool {
	if s.prefixes[base] == nil {
		s.prefixes[base] = map[int]bool{}
	}
	return s.prefixes[base]
}

func (s *sweeper) dirtyPrefixes() []string {
	var out []string
	for _, base := range slices.Sorted(maps.Keys(s.prefixes)) {
		if totals := s.prefixes[base]; totals[-1] || len(totals) > 1 {
			out = append(out, filenames.Join(s.dir, base))
		}
	}
	return out
}

// sweepUnlocked removes a file that no writer has locked.
func (s *sweeper) sweepUnlocked(path string) {
	f, err := vfs.OpenLocked(s.fs, path)
	if errors.Is(err, vfs.ErrLocked) {
		return
	}
	if err != nil {
		s.note(nil, err)
		return
	}
	s.remove(path)
	s.note(nil, f.Close())
}

func (s *sweeper) sweepIdle(path string, e fs.DirEntry) {
	if s.isIdle(e) {
		s.remove(path)
	}
}

func (s *sweeper) isIdle(e fs.DirEntry) bool {
	info, err := e.Info()
	return err == nil && (s.idle < 0 || time.Since(info.ModTime()) > s.idle)
}

// sweepShardsDir removes a folder that has only idle shards.
func (s *sweeper) sweepShardsDir(dir string) {
	entries, err := s.fs.ReadDir(dir)
	if err != nil {
		s.note(nil, err)
		return
	}
	for _, e := range entries {
		if e.IsDir() || !filenames.IsShardsFile(e.Name()) || !s.isIdle(e) {
			return
		}
	}
	if info, err := s.fs.Stat(dir); err != nil || s.idle >= 0 && time.Since(info.ModTime()) <= s.idle {
		return
	}
	for _, e := range entries {
		s.remove(filepath.Join(dir, e.Name()))
	}
	s.remove(dir)
}

func (s *sweeper) remove(path string) {
	removed, err := recovery.Remove(s.fs, path)
	s.note(removed, err)
}

func (s *sweeper) note(removed []string, err error) {
	s.removed = append(s.removed, removed...)
	if err != nil {
		s.errs = append(s.errs, vfs.Error("sweep", s.dir, err))
	}
}
