package dir

import (
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/internal/filenames"
)

// finder finds the checkpoints that a state file names. It reads the folder once.
type finder struct {
	folder
	parent string          // the folder's path, cleaned
	names  map[string]bool // what is in the folder; nil if it cannot be listed
}

func newFinder(f folder) *finder {
	s := &finder{folder: f, parent: filepath.Clean(f.path)}
	entries, err := f.fs.ReadDir(orDot(f.path))
	if err != nil {
		return s
	}
	s.names = make(map[string]bool, len(entries))
	for _, e := range entries {
		s.names[e.Name()] = true
	}
	return s
}

// maxPath is the length of the longest path that is looked for; Linux opens none that is
// longer. maxBelow is how many folders below the state file a checkpoint may lie to be
// found after the folder was moved. Both bound the work for a hostile state file.
const (
	maxPath  = 4096
	maxBelow = 16
)

// locate returns the present path of a checkpoint that the state file names. If the
// folder was moved since, that is the end of the path, below the folder; the path may be
// one of Windows. If there is no such checkpoint, locate returns the path unchanged, and
// false.
//
// A path may lead to a folder: Saver.save(sess, "train/") writes "." into the state file of
// train. It stands for the checkpoint whose files have no more than a suffix as their name,
// and never for what the state file of that folder names.
func (s *finder) locate(path string, preferFolder bool) (string, bool) {
	tail := path
	if len(path) > maxPath {
		tail = path[len(path)-maxPath:]
	}
	if preferFolder && !s.holds(path) {
		if here, ok := s.below([]string{filenames.Base(tail)}); ok {
			return here, true
		}
	}
	if len(path) <= maxPath {
		if here, ok := s.at(path); ok {
			return here, true
		}
	}
	if here, ok := s.search(strings.Split(filepath.ToSlash(tail), "/")); ok {
		return here, true
	}
	if strings.Contains(tail, `\`) {
		if here, ok := s.search(strings.FieldsFunc(tail, func(r rune) bool { return r == '/' || r == '\\' })); ok {
			return here, true
		}
	}
	return path, false
}

// at returns the checkpoint that has a path as its prefix, or lies without a name in the
// folder of that path.
func (s *finder) at(path string) (string, bool) {
	if filenames.EndsInSlash(path) {
		path = filenames.Clean(path)
	}
	if s.in(path) && exists(s.fs, path) {
		return path, true
	}
	if base := filenames.Base(path); base == "" || s.names == nil || !s.isParent(path) || base == "." || base == ".." || s.names[base] {
		if within := filenames.Join(path, ""); exists(s.fs, within) {
			return within, true
		}
	}
	return "", false
}

// in reports whether a path may be that of a checkpoint, as far as the list of what is in
// the folder tells: most paths of a long state file need no look at the disk.
func (s *finder) in(path string) bool {
	base := filenames.Base(path)
	return s.names == nil || !s.isParent(path) || s.names[base] || s.names[filenames.Index(base)] || strings.Contains(base, "?")
}

// isParent reports whether a path is the folder's path and a name.
func (s *finder) isParent(path string) bool { return filepath.Dir(path) == s.parent }

// search looks for the end of a path below the folder, the longest first.
func (s *finder) search(parts []string) (string, bool) {
	for i := max(0, len(parts)-maxBelow); i < len(parts); i++ {
		if here, ok := s.below(parts[i:]); ok {
			return here, true
		}
	}
	return "", false
}

// below returns the checkpoint at a path below the folder.
func (s *finder) below(parts []string) (string, bool) {
	if len(parts) > 1 && (s.names != nil && !s.names[parts[0]] || parts[0] == "" || !filepath.IsLocal(filepath.Join(parts...))) {
		return "", false
	}
	if here := s.prefix(filepath.Join(parts...)); parts[0] != "." && parts[0] != ".." {
		if parts[len(parts)-1] == "" {
			here = filenames.Join(here, "")
		}
		return s.at(here)
	}
	return "", false
}
