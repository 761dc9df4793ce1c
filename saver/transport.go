package saver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/tf"
)

// A transport moves the values of variables between a session and the files of a
// checkpoint. There are three:
//
//   - localTransport: Go reads and writes the files, and exchanges the values with a
//     session of this process.
//   - gatheredTransport: Go reads and writes the files, and exchanges the values with
//     the servers of a cluster, in batches.
//   - nodeTransport: the graph's own nodes read and write the files.
//
// Saver.saveTransport and Saver.restoreTransport choose one. The files are the same.
type transport interface {
	// fetch takes the values that the save nodes would write, or prepares to take
	// them. With copyReferences, values that training would change are copied.
	fetch(ctx context.Context, copyReferences bool) (values, error)
	// restore checks a checkpoint and assigns what it holds.
	restore(ctx context.Context, l *load) (*RestoreReport, error)
}

// values are those of one save.
type values interface {
	// write writes the checkpoint and its meta graph, and returns the path that
	// Restore takes.
	write(ctx context.Context, to *target) (string, error)
	// release frees the values that were not written. It may be called twice.
	release()
	// inBackground reports whether write may run while the session trains.
	inBackground() bool
}

// target is where and how a save writes.
type target struct {
	fileOptions
	path     string              // the prefix, with the global step
	suffix   string              // of the meta graph's file, without the dot
	meta     []byte              // the meta graph's file; nil where none is written
	beside   []checkpoint.Tensor // see job.objectTensors
	progress func(done, total int64)
	// unwatched means that this process writes nothing beside the checkpoint, and
	// does not need to see its files.
	unwatched bool
}

// fileOptions are the Options that concern files.
type fileOptions struct {
	fs        vfs.FS
	noSync    bool
	alignment int
	workers   int
}

func (s *Saver) fileOptions() fileOptions {
	return fileOptions{fs: s.fs, noSync: s.opts.NoSync, alignment: s.opts.Alignment, workers: s.opts.Workers}
}

// create begins the checkpoint's files.
func (t *target) create(ctx context.Context, shards int) (*checkpoint.Writer, error) {
	return checkpoint.Create(vfs.NewContext(ctx, t.fs), localPath(t.path), &checkpoint.WriterOptions{
		NumShards: shards,
		Alignment: t.alignment,
		NoSync:    t.noSync,
		Workers:   t.workers,
	})
}

// commit adds the meta graph and makes the checkpoint appear.
func (t *target) commit(ctx context.Context, w *checkpoint.Writer) error {
	if err := w.Add(ctx, t.beside...); err != nil {
		return err
	}
	if t.meta != nil {
		if err := w.AddFile("."+t.suffix, t.meta); err != nil {
			return err
		}
	}
	return w.Commit(ctx)
}

// writeMeta writes the meta graph's file by itself.
func (t *target) writeMeta() error {
	if t.meta == nil {
		return nil
	}
	name := dir.MetaGraphPath(localPath(t.path), t.suffix)
	if err := t.fs.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return vfs.WriteFileAtomic(t.fs, name, t.meta, !t.noSync)
}

// report calls Progress, if there is one.
func (t *target) report(done, total int64) {
	if t.progress != nil {
		t.progress(done, total)
	}
}

// saveTransport chooses who saves the values of sess under path.
func (s *Saver) saveTransport(sess *tf.Session, path string) (transport, error) {
	var reason error // why Go cannot write the files
	switch {
	case s.opts.Objects == nil && (s.opts.Driver == Ops || s.opts.Driver == Auto && sess.Target() != "" && s.opts.Alignment == 0 && !isRemotePath(path)):
		return s.nodeTransport(sess), nil
	case isRemotePath(path):
		reason = fmt.Errorf("only TensorFlow knows the file system of %s", path)
	default:
		var plan *savergraph.SavePlan
		if plan, _, reason = s.nodes.savePlan(); reason == nil && plan.V1 {
			reason = errors.New("the Saver writes format V1")
		}
	}
	switch {
	case reason == nil:
		return s.goTransport(sess), nil
	case s.opts.Driver == Files:
		return nil, &tfkeep.Error{Err: tfkeep.ErrArgument, Detail: "Driver is saver.Files", Cause: reason}
	case s.opts.Objects != nil:
		return nil, &tfkeep.Error{Err: tfkeep.ErrArgument, Detail: "the graph's own nodes write no object graph (Options.Objects)", Cause: reason}
	case s.opts.Alignment > 0:
		return nil, &tfkeep.Error{Err: tfkeep.ErrArgument, Detail: "the graph's own nodes align nothing (Options.Alignment)", Cause: reason}
	}
	return s.nodeTransport(sess), nil
}

// restoreTransport chooses who restores a checkpoint into sess. Where this process
// can check the checkpoint before, it sets l.plan.
func (s *Saver) restoreTransport(sess *tf.Session, l *load) (transport, error) {
	onCluster := sess.Target() != ""
	mustBeGo := s.opts.Driver == Files || l.opts.Source != nil || l.objects != nil
	plan, err := s.nodes.restorePlan()
	switch {
	case l.opts.Source != nil:
	case isRemotePath(l.path):
		return s.uncheckedTransport(sess, l)
	case !present(s.fs, localPath(l.path)):
		if onCluster && !mustBeGo {
			return s.uncheckedTransport(sess, l) // on the disks of the cluster, perhaps
		}
		return nil, &tfkeep.Error{Err: tfkeep.ErrNotFound, Cause: fs.ErrNotExist,
			Detail: "there is no checkpoint of this name (dir.Latest and dir.List find those of a folder)"}
	}
	if err != nil {
		if !errors.Is(err, savergraph.ErrUnknownForm) || mustBeGo {
			return nil, err
		}
		l.unread = !onCluster
		return s.uncheckedTransport(sess, l)
	}
	l.plan = plan
	nodes := s.opts.Driver == Ops || s.opts.Driver == Auto && onCluster && l.objects == nil && !s.opts.RestoreSequentially
	if nodes && !l.opts.Partial && l.opts.Source == nil && !l.adapts() {
		return s.nodeTransport(sess), s.nodes.nodesUnsafe
	}
	return s.goTransport(sess), s.nodes.fedUnsafe
}

// uncheckedTransport has the graph's nodes read files that only they can see.
func (s *Saver) uncheckedTransport(sess *tf.Session, l *load) (transport, error) {
	if l.opts.Partial || l.opts.Rename != nil || l.adapts() || s.opts.Driver == Files || l.objects != nil || s.opts.RestoreSequentially {
		return nil, fault(tfkeep.ErrArgument, "Partial, Rename, Adapt, Objects, RestoreSequentially and saver.Files need files that this process can read")
	}
	return s.nodeTransport(sess), s.nodes.nodesUnsafe
}

func (s *Saver) goTransport(sess *tf.Session) transport {
	if sess.Target() != "" {
		return &gatheredTransport{nodes: s.nodes, pool: &s.pool, sess: sess, opts: s.opts.Gather, sequential: s.opts.RestoreSequentially}
	}
	return &localTransport{nodes: s.nodes, sess: sess, sequential: s.opts.RestoreSequentially}
}

func (s *Saver) nodeTransport(sess *tf.Session) transport {
	wait := s.opts.SharedWait
	if wait == 0 {
		wait = defaultSharedWait
	}
	return &nodeTransport{nodes: s.nodes, sess: sess, fs: s.fs, sharedWait: wait}
}
