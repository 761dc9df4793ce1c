package saver

import (
	"context"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/tf"
)

// RestoreOptions tune Restore. Nil, and the zero value, are the defaults.
type RestoreOptions struct {
	// Partial restores what matches, leaves the rest as it is, and reports it.
	Partial bool
	// Rename replaces the keys by which tensors are looked up in the
	// checkpoint: from the name in the graph's save nodes to that in the file.
	// A name that the graph lacks is an error.
	Rename map[string]string
	// Mapped lends the file's own memory to resource variables where the file
	// allows it (see checkpoint.WriterOptions.Alignment), instead of reading
	// it. Nothing is read until it is used, checksums are not checked, and the
	// first update of a variable copies it: a gain for inference and none for
	// training. The files must not be changed in place while variables use
	// them; replacing and removing them is fine.
	Mapped bool
	// Source, if not nil, has the values; the path then only names it in messages. It
	// may be a checkpoint that is already open, which the caller closes, or read another
	// format, an archive or memory. Go reads it, whatever Options.Driver is; a graph whose
	// restore nodes have a form that Go cannot read is refused.
	Source checkpoint.Source
	// Progress, if not nil, is told how many bytes of how many are read. It is
	// called from the goroutines that read, one call at a time.
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
	// Unused are the checkpoint's keys that the graph doesn't use.
	Unused []string
}

// Restore sets the variables to the values that they have in a checkpoint. They need
// not be initialized. path is what Save returned: a prefix, a V1 file, or the pattern of
// its shards. The report is nil if and only if there is an error.
//
// All or nothing: before the first variable is assigned, keys, types and shapes of all
// variables are compared with the checkpoint, and all values are read and their
// checksums compared. A [*RestoreError] lists everything that doesn't fit; a path
// without a checkpoint is tfkeep.ErrNotFound, damage tfkeep.ErrCorrupt.
//
// Checkpoints of TensorFlow 2 (tf.train.Checkpoint, Keras weights) are found by
// the names that the variables had when they were written.
func (s *Saver) Restore(ctx context.Context, sess *tf.Session, path string, o *RestoreOptions) (*RestoreReport, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.pending != nil && sess != nil && sess.Target() != "" {
		<-s.pending.done // it may still fetch values
	}
	report, err := s.restoreLocked(ctx, sess, path, o)
	return report, wrap("restore", path, err)
}

// restoreLocked restores; the caller holds turn.
func (s *Saver) restoreLocked(ctx context.Context, sess *tf.Session, path string, o *RestoreOptions) (_ *RestoreReport, err error) {
	if err := s.ready(sess); err != nil {
		return nil, err
	}
	if s.empty {
		return &RestoreReport{Path: path}, nil
	}
	if path == "" {
		return nil, fault(tfkeep.ErrArgument, "the path of the checkpoint is empty")
	}
	l := &load{path: path, files: s.fileOptions()}
	if o != nil {
		l.opts, l.source = *o, o.Source
	}
	t, err := s.restoreTransport(sess, l)
	if err != nil {
		return nil, err
	}
	defer closeInto(&err, l.close)
	return t.restore(ctx, l)
}
