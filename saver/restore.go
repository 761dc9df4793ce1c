package saver

import (
	"context"
	"fmt"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// RestoreOptions tune Restore. Nil, and the zero value, are the defaults.
type RestoreOptions struct {
	// Partial restores what matches, leaves the rest as it is, and reports it.
	Partial bool
	// Rename maps the keys in the graph's save nodes to those in the checkpoint, where
	// they differ. A key that the graph does not have is an error.
	Rename map[string]string
	// Root is the path of the model in the object graph of the checkpoint, such as "model", for a
	// Saver with Options.Objects. "" finds it.
	Root string
	// Mapped maps the file into memory for resource variables, where the file allows it
	// (see checkpoint.WriterOptions.Alignment), instead of reading it. Values are read
	// when they are used, checksums are not compared, and the first update of a variable
	// copies it: that is useful for inference and not for training. The files must not
	// be changed in place while variables use them; they may be replaced and removed. If
	// another program shortens a file, a signal (SIGBUS) ends the process at the next use
	// of a value that is gone. Without Mapped the values are copies, which nothing changes:
	// do not map files that somebody else can write.
	Mapped bool
	// Source, if not nil, has the values; the path then only names it in messages. It
	// may be a checkpoint that is already open, which the caller closes, or read another
	// format, an archive or memory. Go reads it, whatever Options.Driver is; a graph whose
	// restore nodes have a form that Go cannot read is refused. When ctx is done, Restore
	// calls no further method of it; one that does not look at ctx may still be at work when
	// Restore returns.
	Source checkpoint.Source
	// Progress, if not nil, is called with the bytes that are read so far and those to
	// read in all. It is called from one goroutine at a time.
	Progress func(done, total int64)
}

// RestoreReport lists what Restore restored.
type RestoreReport struct {
	// Path is the checkpoint.
	Path string
	// Restored are the keys of the tensors that were restored.
	Restored []string
	// Missing and Mismatches are what Partial did not restore.
	Missing    []Missing
	Mismatches []Mismatch
	// NotRestored are the names of the variables that these concern, and of those that are
	// assigned together with them.
	NotRestored []string
	// Unused are the checkpoint's keys that the graph doesn't use.
	Unused []string
	// Uncovered are the names of the graph's global variables that the Saver neither saves nor
	// restores.
	Uncovered []string
}

// Restore sets the variables to the values that they have in a checkpoint. They need
// not be initialized. path is what Save returned: a prefix, a V1 file, or the pattern of
// its shards. Where Go reads the files, path may be any name that dir.Open takes, such as
// a folder, which stands for its newest checkpoint. The report is nil if and only if there
// is an error.
//
// All or nothing: before the first variable is assigned, keys, types and shapes of all
// variables are compared with the checkpoint, and all values are read and their
// checksums compared. A [*RestoreError] lists everything that doesn't fit; a path
// without a checkpoint is tfkeep.ErrNotFound, damage tfkeep.ErrCorrupt.
//
// When ctx is done, Restore returns soon. TensorFlow cannot stop what it has begun: the
// restore may go on in the background then, and Session.Close does not wait for it.
//
// The values of checkpoints of TensorFlow 2 (tf.train.Checkpoint, Keras weights) are found by
// the names that the variables had when they were written, or by the paths of their objects;
// see objectgraph.Finder.Keys. With Options.Objects they are found as TensorFlow 2 does.
func (s *Saver) Restore(ctx context.Context, sess *tf.Session, path string, o *RestoreOptions) (*RestoreReport, error) {
	if err := s.check(ctx); err != nil {
		return nil, wrap("restore", path, err)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.pending != nil && sess != nil && sess.Target() != "" {
		<-s.pending.done // it may still fetch values
	}
	report, err := s.restoreLocked(ctx, sess, path, o)
	return report, wrap("restore", path, err)
}

// restoreLocked is Restore for callers that hold turn.
func (s *Saver) restoreLocked(ctx context.Context, sess *tf.Session, path string, o *RestoreOptions) (*RestoreReport, error) {
	l := &load{path: path, files: s.fileOptions(), objects: s.opts.Objects}
	if o != nil {
		l.opts, l.source = *o, o.Source
	}
	return s.runLoad(ctx, sess, l)
}

// runLoad restores. Callers hold turn.
func (s *Saver) runLoad(ctx context.Context, sess *tf.Session, l *load) (*RestoreReport, error) {
	if err := s.ready(sess); err != nil {
		return nil, err
	}
	if !s.empty && !s.nodes.read && l.source == nil && !isRemotePath(l.path) && present(s.fs, localPath(l.path)) {
		sess.Extend() // while the plans and the files are read
	}
	missing, err := s.uncovered()
	if err != nil {
		return nil, err
	}
	l.uncovered = variableNames(missing)
	if s.empty {
		return &RestoreReport{Path: l.path, Uncovered: l.uncovered}, nil
	}
	if l.path == "" {
		return nil, fault(tfkeep.ErrArgument, "the path of the checkpoint is empty")
	}
	t, err := s.restoreTransport(sess, l)
	if err != nil {
		return nil, err
	}
	if l.source != nil {
		l.source = untilDone(ctx, l.source)
	}
	type result struct {
		report *RestoreReport
		err    error
	}
	r, done := parallel.Await(ctx, func() result {
		report, err := s.transfer(ctx, sess, t, l)
		return result{report, err}
	}, func(result) {})
	if !done {
		sess.Abandon()
		return nil, fmt.Errorf("%w; TensorFlow still restores in the background", ctx.Err())
	}
	return s.counted(l)(r.report, r.err)
}

// counted returns a function that notes what the next checkpoint takes over from the one that
// was restored: the number of saves, and where in the object graph the model is.
func (s *Saver) counted(l *load) func(*RestoreReport, error) (*RestoreReport, error) {
	return func(report *RestoreReport, err error) (*RestoreReport, error) {
		if err == nil {
			s.saves, s.root = l.saves, l.root
		}
		return report, err
	}
}

// transfer moves the values from the checkpoint to the session, and closes the checkpoint.
func (s *Saver) transfer(ctx context.Context, sess *tf.Session, t transport, l *load) (_ *RestoreReport, err error) {
	defer closeInto(&err, l.close)
	report, err := t.restore(ctx, l)
	if err != nil {
		return nil, err
	}
	report.Uncovered = l.uncovered
	if s.opts.AfterRestore != nil {
		if err := s.opts.AfterRestore(ctx, sess); err != nil {
			return nil, &callerError{err}
		}
	}
	return report, nil
}
