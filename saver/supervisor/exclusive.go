package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// training has the state files, and the names of the checkpoints, of the trainings of this
// process that save. The lock of a directory keeps other processes out; the Savers of one
// process share it.
var training = struct {
	sync.Mutex
	over map[string]chan struct{} // closed when the training is over
}{over: map[string]chan struct{}{}}

// enter takes the state file and the name of the checkpoints for this call of Run, and sets
// leave. If another call has one of them, it waits if Options.Resume says so.
func (s *supervisor) enter(ctx context.Context) error {
	if s.leave != nil {
		return nil
	}
	folder, err := filepath.Abs(s.Dir)
	if err != nil {
		return err
	}
	keys := []string{
		filepath.Join(folder, s.stateFile()),
		filepath.Join(folder, s.SaveName) + " (name)",
	}
	told := false
	for {
		training.Lock()
		over := cmp.Or(training.over[keys[0]], training.over[keys[1]])
		if over == nil {
			over = make(chan struct{})
			training.over[keys[0]], training.over[keys[1]] = over, over
			training.Unlock()
			s.leave = func() {
				training.Lock()
				defer training.Unlock()
				delete(training.over, keys[0])
				delete(training.over, keys[1])
				close(over)
			}
			return nil
		}
		training.Unlock()
		locked := &tfkeep.Error{
			Op: "run training", Path: s.Dir, Err: tfkeep.ErrLocked,
			Detail: "another training of this process saves here; wait for it (ResumeOptions.Wait), or set another Dir, or another LatestFilename and SaveName",
		}
		if !s.Resume.Wait {
			return locked
		}
		if !told {
			s.emit(Event{Kind: Waiting, Err: locked})
			told = true
		}
		select {
		case <-over:
		case <-ctx.Done():
			return &StoppedError{Cause: context.Cause(ctx), Err: locked, notReady: true}
		}
	}
}

func (s *supervisor) stateFile() string { return cmp.Or(s.LatestFilename, dir.DefaultLatestFilename) }

// checkName returns an error if the checkpoints of another training in the directory have the
// name that those of this one get: they would be replaced. It looks into the usual state file
// and into those that a training has locked.
func (s *supervisor) checkName(ctx context.Context) error {
	entries, err := vfs.FromContext(ctx).ReadDir(s.Dir)
	if err != nil {
		return err
	}
	names := []string{dir.DefaultLatestFilename}
	for _, e := range entries {
		if name, ok := filenames.ParseLock(e.Name()); ok && name != names[0] {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if name == s.stateFile() {
			continue
		}
		state, err := dir.ReadState(ctx, s.Dir, &dir.StateOptions{LatestFilename: name})
		if errors.Is(err, tfkeep.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, tfkeep.ErrCorrupt) {
			continue
		}
		if err != nil {
			return err
		}
		for _, path := range append(state.AllModelCheckpointPaths, state.ModelCheckpointPath) {
			if base, _, _ := filenames.CutStep(filenames.Base(path)); base == s.SaveName {
				return &tfkeep.Error{
					Op: "run training", Path: s.Dir, Err: tfkeep.ErrExists,
					Detail: fmt.Sprintf("the state file %q is of another training, whose checkpoints have the name %q, too, and would be replaced; set another SaveName", name, s.SaveName),
				}
			}
		}
	}
	return nil
}
