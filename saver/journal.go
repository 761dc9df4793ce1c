package saver

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint"
)

// announce notes that files are about to be written, so that they are removed
// if the process dies before the state file lists them.
func (l *dirLock) announce(f files) error {
	f.Path = l.relative(f.Path)
	l.now.Writing = &f
	return l.write()
}

// write replaces the journal by l.now.
func (l *dirLock) write() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	if l.now.Writing == nil && len(l.now.Remove) == 0 {
		return nil
	}
	data, err := json.Marshal(l.now)
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

// done notes that what was announced is in the state file, and that others no
// longer are; it removes those. A failure is no failure of the save: what can't
// be removed stays in the journal for the next time.
func (l *dirLock) done(s *Saver, gone ...files) {
	l.now.Writing = nil
	for _, f := range gone {
		f.Path = l.relative(f.Path)
		l.now.Remove = append(l.now.Remove, f)
	}
	l.removeAll(s)
}

// undo removes what was announced and written in part.
func (l *dirLock) undo(s *Saver) {
	if l.now.Writing == nil {
		return
	}
	l.now.Remove = append(l.now.Remove, *l.now.Writing)
	l.now.Writing = nil
	l.removeAll(s)
}

// removeAll removes what the journal says must go.
func (l *dirLock) removeAll(s *Saver) {
	// Written first, so that a death between two files is made good later.
	if len(l.now.Remove) > 0 && l.write() != nil {
		return
	}
	l.now.Remove = slices.DeleteFunc(l.now.Remove, func(f files) bool {
		return s.removeFiles(l.resolve(f.Path), f) == nil
	})
	_ = l.write()
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, checkpoint.ErrNotFound) {
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
	_, err = checkpoint.Sweep(l.dir, &checkpoint.SweepOptions{FS: s.fs})
	return err
}
