package dir

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/argcheck"
)

// WatchOptions tunes [Watch]. Nil and the zero value are the right defaults.
type WatchOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// MinInterval is the least time from one checkpoint of the walk to the next.
	MinInterval time.Duration
	// Timeout ends the walk when there has been no new checkpoint for so long; 0 waits
	// until the context is done.
	Timeout time.Duration
	// Ended, if not nil, is asked again and again. Once it reports that the training has
	// ended, the walk returns the newest checkpoint, if it has not yet, and ends.
	Ended func() bool
	// Poll is the time between two looks at the state file; 0 means a second.
	Poll time.Duration
	// Reader has the options with which the checkpoints are opened.
	Reader *checkpoint.ReaderOptions
}

// Watch walks over the checkpoints of a folder as they come, beginning with the newest one
// that is there, as tf.train.checkpoints_iterator does: an evaluator that runs beside a
// training gets each new checkpoint, and of several that came meanwhile only the newest.
// The folder and its state file need not exist yet.
//
// The walk opens each checkpoint, holds it ([Hold]), and closes it after the body of the
// loop. So nothing is missing while it is read: a Saver of this process removes it later,
// and if another process removes it, the files that are open stay readable. A checkpoint
// that is removed before it is open is skipped. To restore the variables of a graph, give
// the Reader to Saver.Restore as RestoreOptions.Source.
//
// An error of a checkpoint, such as tfkeep.ErrCorrupt, is returned in its place; if the
// loop goes on, so does the walk, with the next checkpoint. When the context is done, the
// walk returns its error and ends.
func Watch(ctx context.Context, folder string, o *WatchOptions) iter.Seq2[*checkpoint.Reader, error] {
	w := watch{folder: openFolder(ctx, folder)}
	if o != nil {
		w.WatchOptions = *o
	}
	if w.Poll <= 0 {
		w.Poll = time.Second
	}
	return func(yield func(*checkpoint.Reader, error) bool) {
		walk := w // each range begins anew
		walk.run(ctx, yield)
	}
}

// watch is one walk.
type watch struct {
	WatchOptions
	folder folder
	// seen is the checkpoint that was returned last, and seenTime the time at which it was
	// written: a checkpoint may be saved again under the same name.
	seen      string
	seenTime  time.Time
	seenError string // the text of the last error of the state file
}

func (w *watch) run(ctx context.Context, yield func(*checkpoint.Reader, error) bool) {
	waitSince := time.Now()
	for {
		if err := argcheck.Context(ctx, "watch", w.folder.path); err != nil {
			yield(nil, err)
			return
		}
		ended := w.Ended != nil && w.Ended()
		began := time.Now()
		found, more := w.look(ctx, yield)
		if !more {
			return
		}
		pause := w.Poll
		switch {
		case found:
			pause = max(w.MinInterval-time.Since(began), 0)
			waitSince = time.Now().Add(pause)
		case ended, w.Timeout > 0 && time.Since(waitSince) >= w.Timeout:
			return
		case w.Timeout > 0:
			pause = min(pause, w.Timeout-time.Since(waitSince))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// look returns the newest checkpoint to the loop if it is new.
func (w *watch) look(ctx context.Context, yield func(*checkpoint.Reader, error) bool) (found, more bool) {
	prefix, err := w.folder.latest(w.LatestFilename)
	if err != nil {
		// Without a state file there is no checkpoint yet. One that it names, and that
		// does not exist, has just been removed: the next look finds another name.
		if errors.Is(err, tfkeep.ErrNotFound) || err.Error() == w.seenError {
			return false, true
		}
		w.seenError = err.Error()
		return true, yield(nil, err)
	}
	w.seenError = ""
	defer Hold(ctx, prefix)()
	_, written := stat(w.folder.fs, prefix)
	if prefix == w.seen && written.Equal(w.seenTime) {
		return false, true
	}
	r, err := checkpoint.Open(ctx, prefix, w.Reader)
	if isGone(err) && !exists(w.folder.fs, prefix) {
		return false, true
	}
	w.seen, w.seenTime = prefix, written
	if err != nil {
		return true, yield(nil, err)
	}
	defer r.Close()
	return true, yield(r, nil)
}

// isGone reports whether an error says that files do not exist.
func isGone(err error) bool {
	return errors.Is(err, tfkeep.ErrNotFound) || errors.Is(err, fs.ErrNotExist)
}
