package saver

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/tf"
)

// RestoreOptions tune RestoreWith. The zero value, and nil, are Restore's.
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
	// Reader is the checkpoint, already open, and stays the caller's to close;
	// the path then only names it in messages. It lets a checkpoint come from
	// an archive or from memory (checkpoint.NewReader). Only Go can read it: the
	// graph's own nodes are refused.
	Reader *checkpoint.Reader
	// Progress, if not nil, is told how many bytes of how many are read. It is
	// called from the goroutines that read, one call at a time.
	Progress func(done, total int64)
}

// RestoreReport says what RestoreWith did.
type RestoreReport struct {
	// Path is the checkpoint.
	Path string
	// Restored are the keys of the tensors that were restored.
	Restored []string
	// Missing and Mismatches are what Partial left as it was.
	Missing    []Missing
	Mismatches []Mismatch
	// Unused are the checkpoint's keys that the graph doesn't ask for.
	Unused []string
}

// Restore gives the variables the values that they have in a checkpoint. They
// need not be initialized. path is what Save returned: a prefix, a V1 file, or
// the pattern of its shards.
//
// All or nothing: keys, types and shapes of all variables are checked against
// the checkpoint, and all values read and their checksums checked, before the
// first is assigned. A [*RestoreError] lists everything that doesn't fit, a
// path without checkpoint is [ErrNotCheckpoint], damage is
// checkpoint.ErrCorrupt.
//
// Checkpoints of TensorFlow 2 (tf.train.Checkpoint, Keras weights) are found by
// the variables' names when they were written.
func (s *Saver) Restore(ctx context.Context, sess *tf.Session, path string) error {
	_, err := s.RestoreWith(ctx, sess, path, nil)
	return err
}

// RestoreWith is Restore with options and a report. The report is not nil when
// err is nil.
func (s *Saver) RestoreWith(ctx context.Context, sess *tf.Session, path string, o *RestoreOptions) (*RestoreReport, error) {
	if s == nil {
		return nil, errNilSaver
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.pending != nil && sess != nil && sess.Target() != "" {
		<-s.pending.done // its values are still on their way
	}
	return s.restoreLocked(ctx, sess, path, o)
}

func (s *Saver) restoreLocked(ctx context.Context, sess *tf.Session, path string, o *RestoreOptions) (*RestoreReport, error) {
	if o == nil {
		o = &RestoreOptions{}
	}
	if err := s.ready(sess); err != nil {
		return nil, err
	}
	if s.empty {
		return &RestoreReport{Path: path}, nil
	}
	if path == "" {
		return nil, fmt.Errorf("%w: Can't load save_path when it is None", ErrArgument)
	}
	l := &load{s: s, sess: sess, path: path, opts: *o, reader: o.Reader}
	if o.Reader != nil {
		return l.checked(ctx)
	}
	if isRemotePath(path) {
		return l.blindly(ctx)
	}
	if !s.present(localPath(path)) {
		if sess.Target() != "" && s.opts.Driver != Files {
			return l.blindly(ctx) // on the disks of the cluster, perhaps
		}
		return nil, fmt.Errorf("%w: %s", ErrNotCheckpoint, path)
	}
	return l.checked(ctx)
}

// load is one restore on its way.
type load struct {
	s    *Saver
	sess *tf.Session
	path string
	opts RestoreOptions

	reader *checkpoint.Reader
	plan   *restorePlan
	keys   map[string]string // from the graph's names to the checkpoint's, where they differ
}

// blindly runs the graph's nodes on files that only they can see.
func (l *load) blindly(ctx context.Context) (*RestoreReport, error) {
	if l.opts.Partial || l.opts.Rename != nil || l.s.opts.Driver == Files {
		return nil, fmt.Errorf("%w: Partial, Rename and saver.Files need files that this process can read; %s is not", ErrArgument, l.path)
	}
	if err := l.s.runRestore(ctx, l.sess, l.path, nil); err != nil {
		if other := l.unreadable(err, l.s.present(localPath(l.path))); other != nil {
			return nil, other
		}
		return nil, explainRestore(l.path, err)
	}
	report := &RestoreReport{Path: l.path}
	if plan, err := l.s.plans.forRestore(l.s); err == nil {
		for _, t := range plan.tensors {
			report.Restored = append(report.Restored, t.name)
		}
	}
	return report, nil
}

// explainRestore adds TensorFlow's explanation to an error of the nodes.
func explainRestore(path string, err error) error {
	var likely string
	switch {
	case errors.Is(err, tf.ErrNotFound):
		likely = "a Variable name or other graph key that is missing"
	case errors.Is(err, tf.ErrInvalidArgument):
		likely = "a mismatch between the current graph and the graph"
	default:
		return fmt.Errorf("saver: restore %s: %w", path, err)
	}
	return fmt.Errorf("saver: restore %s: Restoring from checkpoint failed. This is most likely due to %s from the checkpoint. Please ensure that you have not altered the graph expected based on the checkpoint. Original error:\n\n%w",
		path, likely, err)
}

// checked looks at the checkpoint before anything else does.
func (l *load) checked(ctx context.Context) (_ *RestoreReport, err error) {
	if l.plan, err = l.s.plans.forRestore(l.s); err != nil {
		if !errors.Is(err, ErrNoPlan) || l.s.opts.Driver == Files || l.opts.Reader != nil {
			return nil, err
		}
		return l.blindly(ctx)
	}
	if l.reader == nil {
		if l.reader, err = l.s.open(localPath(l.path)); err != nil {
			return nil, fmt.Errorf("saver: restore %s: %w", l.path, err)
		}
		defer func() {
			if l.reader != nil {
				err = errors.Join(err, l.reader.Close())
			}
		}()
	}
	if err := l.mapKeys(ctx); err != nil {
		return nil, err
	}
	report, fitting := l.compare()
	if !l.opts.Partial && (len(report.Missing) > 0 || len(report.Mismatches) > 0) {
		return nil, &RestoreError{Path: l.path, Missing: report.Missing, Mismatches: report.Mismatches, Matched: len(fitting)}
	}
	if l.usesNodes() {
		feeds, release, err := l.renamed()
		if err != nil {
			return nil, err
		}
		defer release()
		if err := l.s.runRestore(ctx, l.sess, l.path, feeds); err != nil {
			if other := l.unreadable(err, true); other != nil {
				return nil, other
			}
			return nil, explainRestore(l.path, err)
		}
		return report, nil
	}
	if err := l.assign(ctx, fitting); err != nil {
		return nil, fmt.Errorf("saver: restore %s: %w", l.path, err)
	}
	return report, nil
}

// usesNodes decides for the graph's own nodes.
func (l *load) usesNodes() bool {
	if l.opts.Partial || l.opts.Reader != nil {
		return false
	}
	return l.s.opts.Driver == Ops || l.s.opts.Driver == Auto && l.sess.Target() != ""
}

// key is what a tensor is called in the checkpoint.
func (l *load) key(name string) string {
	if k, ok := l.keys[name]; ok {
		return k
	}
	return name
}

// compare holds every tensor of the graph against the checkpoint.
func (l *load) compare() (*RestoreReport, []restoredTensor) {
	report := &RestoreReport{Path: l.path}
	asked := map[string]bool{}
	for _, t := range l.plan.tensors {
		asked[l.key(t.name)] = true
	}
	var unused []string
	for _, t := range l.reader.Tensors() {
		if !asked[t.Name] {
			unused = append(unused, t.Name)
		}
	}
	report.Unused = unused
	var fitting []restoredTensor
	seen := map[string]bool{}
	for _, t := range l.plan.tensors {
		key := l.key(t.name)
		have, ok := l.reader.Lookup(key)
		if !ok {
			if !seen[key] {
				m := Missing{Key: key, Variable: t.variable}
				if len(report.Missing) < maxNearest {
					m.Nearest = nearestKey(key, unused)
				}
				report.Missing = append(report.Missing, m)
			}
			seen[key] = true
			continue
		}
		t.name = key
		if m, bad := t.mismatch(have); bad {
			report.Mismatches = append(report.Mismatches, m)
			continue
		}
		fitting = append(fitting, t)
	}
	fitting = wholeAssignments(l.plan.tensors, fitting)
	for _, t := range fitting {
		report.Restored = append(report.Restored, t.name)
	}
	sort.Slice(report.Missing, func(i, j int) bool { return report.Missing[i].Key < report.Missing[j].Key })
	sort.SliceStable(report.Mismatches, func(i, j int) bool { return report.Mismatches[i].Key < report.Mismatches[j].Key })
	return report, fitting
}

// wholeAssignments leaves out what would only feed a part of an operation that
// takes several tensors, as a table does.
func wholeAssignments(all, fitting []restoredTensor) []restoredTensor {
	if len(all) == len(fitting) {
		return fitting
	}
	needs := map[string]int{}
	for _, t := range all {
		needs[t.assign]++
	}
	for _, t := range fitting {
		needs[t.assign]--
	}
	var whole []restoredTensor
	for _, t := range fitting {
		if needs[t.assign] == 0 {
			whole = append(whole, t)
		}
	}
	return whole
}
