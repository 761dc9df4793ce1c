package saver

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
)

// announce notes, before anything is written, which files a save is going to
// write, and which the retention rule is going to remove. Should the process
// die, the next one removes of all these what the state file then doesn't list.
func (l *dirLock) announce(writing *files, retired []files) error {
	if writing != nil {
		f := *writing
		f.Path = l.relative(f.Path)
		l.now.Writing = &f
	}
	l.retired = nil
	for _, f := range retired {
		f.Path = l.relative(f.Path)
		l.retired = append(l.retired, f)
	}
	n := l.now
	n.Remove = append(slices.Clone(n.Remove), l.retired...)
	return l.write(n)
}

// write replaces the journal.
func (l *dirLock) write(n note) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	if n.Writing == nil && len(n.Remove) == 0 {
		return nil
	}
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	_, err = l.file.WriteAt(data, 0)
	return err
}

// relative makes the journal say the right thing even if the directory moves.
func (l *dirLock) relative(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if filepath.Dir(path) == l.dir {
		return filepath.Base(path)
	}
	return path
}

// committed says that the state file lists what was announced and no longer
// what was retired, and removes that. A failure is no failure of the save: what
// can't be removed stays in the journal for the next time.
func (l *dirLock) committed(s *Saver) {
	l.now.Writing = nil
	l.now.Remove = append(l.now.Remove, l.retired...)
	l.retired = nil
	l.removeAll(s)
}

// undo removes what was announced and written in part; what was retired stays.
func (l *dirLock) undo(s *Saver) {
	if l.now.Writing != nil {
		l.now.Remove = append(l.now.Remove, *l.now.Writing)
	}
	l.now.Writing, l.retired = nil, nil
	_ = l.write(l.now) // or else a death now would remove what was retired
	l.removeAll(s)
}

// removeAll removes what the journal says must go.
func (l *dirLock) removeAll(s *Saver) {
	l.now.Remove = slices.DeleteFunc(l.now.Remove, func(f files) bool {
		return s.removeFiles(l.resolve(f.Path), f) == nil
	})
	_ = l.write(l.now)
}

func (l *dirLock) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.dir, path)
}

// tidy removes, once, what a process that died has left: files that it had
// begun to write or to delete, and temporary ones. What the state file lists
// stays, whatever the journal says.
func (l *dirLock) tidy(s *Saver) error {
	if l.tidied {
		return nil
	}
	l.tidied = true
	left := l.left
	l.left = nil
	if left == nil {
		left = &note{}
	}
	state, err := s.readState(l.dir, l.name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, tfkeep.ErrNotFound) {
		return nil // unreadable: then nobody knows what is safe to delete
	}
	listed := map[string]bool{}
	if state != nil {
		for _, p := range append(state.AllModelCheckpointPaths, state.ModelCheckpointPath) {
			listed[l.relative(p)] = true
		}
	}
	if left.Writing != nil {
		left.Remove = append(left.Remove, *left.Writing)
	}
	for _, f := range left.Remove {
		if !listed[f.Path] {
			l.now.Remove = append(l.now.Remove, f)
		}
	}
	l.removeAll(s)
	_, err = dir.Sweep(s.context(), l.dir, nil)
	return err
}
