package saver

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/tf"
)

// nodeTransport has the graph's own nodes write and read the files. On a cluster each
// machine writes the shard of its variables, all under the same path. That makes one
// checkpoint only where the path is one folder for all of them, and for this process,
// which writes the state file and deletes old checkpoints.
type nodeTransport struct {
	nodes      *saverNodes
	sess       *tf.Session
	fs         vfs.FS
	sharedWait time.Duration
}

// fetch does nothing: the nodes take the values when they write them.
func (t *nodeTransport) fetch(context.Context, bool) (values, error) { return t, nil }

// write runs the save nodes.
func (t *nodeTransport) write(ctx context.Context, to *target) (string, error) {
	if err := t.refuseLink(to.path); err != nil {
		return "", err
	}
	before := t.indexOf(to.path)
	saved, err := t.nodes.runSave(ctx, t.sess, to.path)
	if err != nil {
		return "", t.explainSave(to, err)
	}
	if err := t.confirm(ctx, to, saved, before); err != nil {
		return "", err
	}
	if err := t.checkSaved(ctx, to, saved); err != nil {
		return "", err
	}
	if err := t.sync(to, saved); err != nil {
		return "", err
	}
	return saved, to.writeMeta()
}

// refuseLink returns an error if there is a link in the place of the folder in which the nodes
// of a sharded save write, or of the index into which they merge the shards: they would write to
// where it leads. Other files they rename into their places.
func (t *nodeTransport) refuseLink(path string) error {
	if isRemotePath(path) {
		return nil
	}
	for _, name := range []string{filenames.ShardsDir(localPath(path)), filenames.Index(localPath(path))} {
		if info, err := t.fs.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return vfs.LinkError(name)
		}
	}
	return nil
}

// checkSaved refuses a checkpoint that the restore nodes would not take, if this process sees
// its files.
func (t *nodeTransport) checkSaved(ctx context.Context, to *target, saved string) error {
	if isRemotePath(saved) || !present(t.fs, localPath(saved)) {
		return nil
	}
	plan, _, err := t.nodes.savePlan()
	if err != nil {
		return nil // the graph saves in a form that only TensorFlow can follow
	}
	r, err := openReader(ctx, to.fileOptions, localPath(saved))
	if err != nil {
		return err
	}
	for i := range plan.Tensors {
		if info, ok := r.Lookup(plan.Tensors[i].Key); ok && err == nil {
			err = t.nodes.checkSaved(&plan.Tensors[i], info.DType, info.Shape)
		}
	}
	return errors.Join(err, r.Close())
}

func (t *nodeTransport) release() {}

// inBackground returns false: a step at the same time would change the values that the
// save nodes write.
func (t *nodeTransport) inBackground() bool { return false }

// restore runs the restore nodes, after a check where this process sees the files.
func (t *nodeTransport) restore(ctx context.Context, l *load) (*RestoreReport, error) {
	var feeds map[tf.Output]*tf.Tensor
	report := &RestoreReport{Path: l.path}
	if l.unread {
		if err := t.checkWhole(ctx, l); err != nil {
			return nil, err
		}
	}
	if l.plan != nil {
		var err error
		if report, _, err = l.check(ctx); err != nil {
			return nil, err
		}
		if err := t.checkFiles(l.opened); err != nil {
			return nil, err
		}
		var release func()
		if feeds, release, err = t.renamedKeys(l); err != nil {
			return nil, err
		}
		defer release()
	}
	if err := t.nodes.runRestore(ctx, t.sess, l.path, feeds); err != nil {
		return nil, t.explainRestore(l, err)
	}
	if l.plan == nil {
		if plan, err := t.nodes.restorePlan(); err == nil {
			for _, wanted := range plan {
				report.Restored = append(report.Restored, wanted.Key)
			}
		}
	}
	return report, nil
}

// checkFiles returns an error if a file of a checkpoint is a pipe or a device: TensorFlow would
// wait for the other end. A file that is not here may be on the disk of a server.
func (t *nodeTransport) checkFiles(r *checkpoint.Reader) error {
	for _, name := range r.Files() {
		info, err := t.fs.Stat(name)
		if err != nil {
			continue
		}
		if err := vfs.CheckRegular(name, info); err != nil {
			return err
		}
	}
	return nil
}

// renamedKeys returns tensors to feed in place of the constants of the restore nodes, so
// that these look for the keys that the checkpoint has.
func (t *nodeTransport) renamedKeys(l *load) (map[tf.Output]*tf.Tensor, func(), error) {
	feeds := map[tf.Output]*tf.Tensor{}
	release := func() {
		for _, feed := range feeds {
			tf.Release(feed)
		}
	}
	names := map[string][]string{} // restore node → keys
	changed := map[string]bool{}
	for _, wanted := range l.plan {
		node, i := wanted.Node, wanted.Port
		for len(names[node]) <= i {
			names[node] = append(names[node], "")
		}
		names[node][i] = l.key(wanted.Key)
		changed[node] = changed[node] || l.key(wanted.Key) != wanted.Key
	}
	for node, keys := range names {
		if !changed[node] {
			continue
		}
		op := t.nodes.g.Operation(node)
		if op == nil {
			continue
		}
		var v *tf.Tensor
		var err error
		if op.Type() == "RestoreV2" {
			v, err = tf.NewTensor(keys)
		} else {
			v, err = tf.NewTensor(keys[0])
		}
		if err != nil {
			release()
			return nil, nil, err
		}
		feeds[inputs(op)[1]] = v
	}
	return feeds, release, nil
}

// sync syncs the files that the nodes have written, because they do not sync them.
func (t *nodeTransport) sync(to *target, saved string) error {
	if to.noSync || isRemotePath(saved) {
		return nil
	}
	path := localPath(saved)
	dir := filepath.Dir(path)
	entries, err := t.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the files are on the disk of another machine
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || !filenames.HoldsValues(e.Name(), filenames.Base(path)) {
			continue
		}
		f, err := t.fs.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return t.fs.SyncDir(dir)
}
