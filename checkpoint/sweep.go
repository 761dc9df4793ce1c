package checkpoint

import (
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// SweepOptions tunes [Sweep].
type SweepOptions struct {
	// Idle is for how long TensorFlow's temporary files must not have changed
	// before they count as left behind: TensorFlow holds no lock on them. Zero
	// means an hour; negative removes them at once, for a caller who knows that
	// no TensorFlow is writing there.
	Idle time.Duration
	FS   vfs.FS // nil is the operating system's
}

// Sweep removes what writers that died have left in a directory, and returns
// the paths of what it removed. Complete checkpoints are not touched, nor are
// writers at work, which are known by their locks. It removes
//
//   - the temporary files and locks of this module, and data files that no
//     commit came to name, or whose checkpoint was replaced or half removed;
//   - TensorFlow's temporary files (*.tempstate…, the directories *_temp and
//     *_temp_… of sharded saves, *.tmp…) once they are older than
//     SweepOptions.Idle.
//
// It does as much as it can and reports the failures together. A directory that
// does not exist is clean.
func Sweep(dir string, o *SweepOptions) ([]string, error) {
	s := sweeper{fs: vfs.OS, dir: dir, idle: time.Hour, prefixes: map[string]map[int]bool{}}
	if o != nil {
		if o.FS != nil {
			s.fs = o.FS
		}
		if o.Idle != 0 {
			s.idle = o.Idle
		}
	}
	return s.sweep()
}

type sweeper struct {
	fs   vfs.FS
	dir  string
	idle time.Duration

	// prefixes that may need recovery, and the shard totals of their data
	// files: more than one total means that something was replaced.
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
		return nil, fileError("sweep", s.dir, err)
	}
	for _, e := range entries {
		s.visit(e)
	}
	for _, p := range s.dirtyPrefixes() {
		removed, err := sweepPrefix(s.fs, p)
		s.note(removed, err)
	}
	sort.Strings(s.removed)
	return s.removed, errors.Join(s.errs...)
}

// visit removes an entry that stands for itself, and remembers those whose fate
// depends on an index.
func (s *sweeper) visit(e fs.DirEntry) {
	name := e.Name()
	path := filepath.Join(s.dir, name)
	temp, isTemp := strings.CutSuffix(name, vfs.TempSuffix)
	base, shard, isData := parseDataFile(temp)
	switch {
	case e.IsDir():
		if shardedTempDir.MatchString(name) {
			s.sweepTempDir(path)
		}
	case isTemp && isData:
		s.totals(base)[-1] = true
	case isTemp && strings.HasSuffix(temp, indexSuffix):
		s.totals(strings.TrimSuffix(temp, indexSuffix))[-1] = true
	case isTemp, strings.HasSuffix(name, lockSuffix):
		s.sweepUnlocked(path)
	case isData:
		s.totals(base)[shard.total] = true
	case tensorflowTemp.MatchString(name):
		s.sweepIdle(path, e)
	}
}

var (
	// tensorflowTemp: a bundle or V1 table in the making; Python's atomic write.
	tensorflowTemp = regexp.MustCompile(`\.tempstate[0-9]+$|\.tmp[0-9a-f]{32}$`)
	// shardedTempDir: where a sharded saver's shards wait to be merged.
	shardedTempDir  = regexp.MustCompile(`_temp(_[0-9a-f]{32})?$`)
	shardedTempFile = regexp.MustCompile(`^part-[0-9]{5}-of-[0-9]{5}\.(index|data-[0-9]{5}-of-[0-9]{5})(\.tempstate[0-9]+)?$`)
)

func (s *sweeper) totals(base string) map[int]bool {
	if s.prefixes[base] == nil {
		s.prefixes[base] = map[int]bool{}
	}
	return s.prefixes[base]
}

func (s *sweeper) dirtyPrefixes() []string {
	var out []string
	for base, totals := range s.prefixes {
		if totals[-1] || len(totals) > 1 {
			out = append(out, filepath.Join(s.dir, base))
		}
	}
	sort.Strings(out)
	return out
}

// sweepUnlocked removes a file that nobody has locked.
func (s *sweeper) sweepUnlocked(path string) {
	f, err := vfs.OpenLocked(s.fs, path)
	if errors.Is(err, ErrLocked) {
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

// sweepTempDir removes a directory that holds nothing but idle shards.
func (s *sweeper) sweepTempDir(dir string) {
	entries, err := s.fs.ReadDir(dir)
	if err != nil {
		s.note(nil, err)
		return
	}
	for _, e := range entries {
		if e.IsDir() || !shardedTempFile.MatchString(e.Name()) || !s.isIdle(e) {
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
	removed, err := removeAll(s.fs, []string{path})
	s.note(removed, err)
}

func (s *sweeper) note(removed []string, err error) {
	s.removed = append(s.removed, removed...)
	if err != nil {
		s.errs = append(s.errs, fileError("sweep", s.dir, err))
	}
}
