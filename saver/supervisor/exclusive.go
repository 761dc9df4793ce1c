package supervisor

import (
	"cmp"
	"context"
	"path/filepath"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
)

// training has the state files of the trainings of this process that save. The lock of a
// directory keeps other processes out; the Savers of one process share it.
var training = struct {
	sync.Mutex
	over map[string]chan struct{} // closed when the training in a directory is over
}{over: map[string]chan struct{}{}}

// enter takes the directory for this call of Run, until leave is called. If another call
// saves there, it waits if Options.Resume says so.
func (s *supervisor) enter(ctx context.Context) (leave func(), err error) {
	key, err := filepath.Abs(filepath.Join(s.Dir, cmp.Or(s.LatestFilename, dir.DefaultLatestFilename)))
	if err != nil {
		return nil, err
	}
	told := false
	for {
		training.Lock()
		over := training.over[key]
		if over == nil {
			over = make(chan struct{})
			training.over[key] = over
			training.Unlock()
			return func() {
				training.Lock()
				defer training.Unlock()
				delete(training.over, key)
				close(over)
			}, nil
		}
		training.Unlock()
		locked := &tfkeep.Error{
			Op: "run training", Path: s.Dir, Err: tfkeep.ErrLocked,
			Detail: "another training of this process saves here; wait for it (ResumeOptions.Wait), or set another Dir or LatestFilename",
		}
		if !s.Resume.Wait {
			return nil, locked
		}
		if !told {
			s.emit(Event{Kind: Waiting, Err: locked})
			told = true
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, &StoppedError{Cause: context.Cause(ctx), Err: locked, notReady: true}
		}
	}
}
