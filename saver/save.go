package saver

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver/internal/journal"
	"github.com/tfkeep/tfkeep/tf"
)

// Save writes the variables' values as they are in sess to path and returns the
// checkpoint's prefix, which Restore takes: path, followed by the global step. For V1
// and several shards it is the pattern that matches them.
//
// It writes data, index, meta graph ("<prefix>.meta") and state file in this order; each
// is on the disk before the next is written. Then it deletes checkpoints beyond
// MaxToKeep. If it is interrupted, the state file still names the newest complete
// checkpoint, and the next save into the folder, or Resume, removes the files of the
// interrupted save. Saving under the same path again replaces the checkpoint in one
// step.
//
// A nil o saves under path itself. It fails with an [*tf.UninitializedError], naming the
// variables that have no value (one of them, if the Saver has a thousand or more); with
// tfkeep.ErrMismatch, if a value has a shape that Restore
// would refuse, or if the graph has got variables since the Saver was built, which it does not
// save (see Options.AllowUncovered); with tfkeep.ErrLocked, if another process saves there; and
// with the errors of the file system. Canceling ctx stops it and leaves the previous checkpoint
// in place.
func (s *Saver) Save(ctx context.Context, sess *tf.Session, path string, o *SaveOptions) (string, error) {
	if err := s.check(ctx); err != nil {
		return "", wrap("save", path, err)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	j, err := s.beginSave(ctx, sess, path, o, false)
	if err != nil {
		return "", wrap("save", path, err)
	}
	return j.finish(ctx)
}

// beginSave waits for a save in the background and takes the values for the next one.
func (s *Saver) beginSave(ctx context.Context, sess *tf.Session, path string, o *SaveOptions, copyReferences bool) (*job, error) {
	if err := s.waitPending(); err != nil {
		return nil, err
	}
	j, err := s.newJob(ctx, sess, path, o)
	if err != nil {
		return nil, err
	}
	if s.opts.BeforeSave != nil {
		if err := s.opts.BeforeSave(ctx, sess); err != nil {
			return nil, err
		}
	}
	return j, j.begin(ctx, copyReferences)
}

// job is one save.
type job struct {
	s     *Saver
	sess  *tf.Session
	opts  SaveOptions
	path  string          // as the caller gave it
	file  string          // path with the step: the prefix
	saved string          // the path for Restore
	lock  *journal.Folder // nil for a save that needs no lock

	// With Options.Objects, the number of this save, and where in the object graph the model is.
	number int64
	root   []string

	values values // nil for a Saver without variables
}

// newJob checks the arguments, in TensorFlow's order, and reads the step.
func (s *Saver) newJob(ctx context.Context, sess *tf.Session, path string, o *SaveOptions) (*job, error) {
	j := &job{s: s, sess: sess, path: path, file: path}
	if o != nil {
		j.opts = *o
	}
	if s.closed || !s.built {
		return nil, s.ready(sess)
	}
	latest := j.opts.latestFilename()
	if strings.ContainsAny(latest, `/\`) || latest == "." || latest == ".." {
		return nil, fault(tfkeep.ErrArgument, "LatestFilename %q must not contain a directory", latest)
	}
	if path == "" {
		return nil, fault(tfkeep.ErrArgument, "the path is empty")
	}
	if isRemotePath(path) && !(j.opts.NoMetaGraph && j.opts.NoState) {
		return nil, fault(tfkeep.ErrArgument, "only TensorFlow's nodes write there, and they write neither meta graph nor state file; set NoMetaGraph and NoState, and write the meta graph elsewhere with ExportMetaGraph")
	}
	sharded := s.def != nil && s.def.Sharded
	if !j.opts.GlobalStep.given && filenames.Base(path) == latest && !sharded {
		return nil, fault(tfkeep.ErrArgument, "LatestFilename %q is the name of the checkpoint", latest)
	}
	if err := s.ready(sess); err != nil {
		return nil, err
	}
	if err := s.checkCovered(); err != nil {
		return nil, err
	}
	j.root = s.root
	if j.number = s.saves; !j.opts.NoSaveCounter {
		j.number++
	}
	if j.opts.GlobalStep.given {
		step, err := j.opts.GlobalStep.Value(ctx, sess)
		switch {
		case err != nil:
			return nil, err
		case j.opts.GlobalStep.counts && s.opts.Objects == nil:
			return nil, fault(tfkeep.ErrArgument, "SaveNumber is for a Saver with Options.Objects; name the step with Step")
		case j.opts.GlobalStep.counts:
			step = j.number
		}
		format := "%s-%d"
		if s.opts.PadStepNumber {
			format = "%s-%08d"
		}
		j.file = fmt.Sprintf(format, path, step)
	}
	// TensorFlow would write the state file over the checkpoint's own.
	if base := filenames.Base(j.file); latest != base && filenames.HoldsValues(latest, base) || latest == filenames.MetaGraph(base, j.opts.metaGraphSuffix()) {
		return nil, fault(tfkeep.ErrArgument, "LatestFilename %q is the name of a file of the checkpoint %s", latest, j.file)
	}
	return j, nil
}

// begin takes the values from the session, or prepares to take them. Training may continue
// when it has returned.
func (j *job) begin(ctx context.Context, copyReferences bool) error {
	s := j.s
	if s.empty {
		return nil
	}
	if err := j.checkParent(); err != nil {
		return err
	}
	if err := j.lockFolder(); err != nil {
		return err
	}
	t, err := s.saveTransport(j.sess, j.file)
	if err != nil {
		return err
	}
	j.saved = s.nodes.savedPath(j.file)
	if j.values, err = t.fetch(ctx, copyReferences); err == nil {
		s.saves = j.number
	}
	return err
}

// checkParent returns an error if the folder is a file, before anything is fetched.
func (j *job) checkParent() error {
	if isRemotePath(j.path) {
		return nil
	}
	folder := filepath.Dir(localPath(j.path))
	for {
		info, err := j.s.fs.Stat(folder)
		if err == nil {
			if info.IsDir() {
				return nil
			}
			return fault(tfkeep.ErrArgument, "%s", noParent(j.path))
		}
		up := filepath.Dir(folder)
		if up == folder {
			return nil
		}
		folder = up
	}
}

func (j *job) lockFolder() error {
	if j.opts.NoState || isRemotePath(j.path) {
		return nil
	}
	folder := filepath.Dir(localPath(j.path))
	if err := j.s.fs.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var err error
	j.lock, err = j.s.locks.Take(j.s.fs, folder, j.opts.latestFilename())
	return err
}

// finish writes the files and makes the checkpoint the newest one. It may run while the
// session trains.
func (j *job) finish(ctx context.Context) (string, error) {
	saved, err := j.write(ctx)
	return saved, wrap("save", j.file, err)
}

func (j *job) write(ctx context.Context) (string, error) {
	s := j.s
	to := &target{
		fileOptions: s.fileOptions(),
		path:        j.file, suffix: j.opts.metaGraphSuffix(), progress: j.opts.Progress,
		unwatched: j.opts.NoState && j.opts.NoMetaGraph,
	}
	if j.values != nil {
		defer j.values.release()
	}
	var err error
	if to.beside, err = j.objectTensors(); err != nil {
		return "", err
	}
	if !j.opts.NoMetaGraph {
		if to.meta, err = s.metas.marshal(s.g, s.def, j.opts.StripDefaultAttrs); err != nil {
			return "", fmt.Errorf("export the meta graph: %w", err)
		}
	}
	if s.empty {
		return "", to.writeMeta()
	}
	if j.lock != nil {
		if err := s.beginIn(ctx, j.lock, dirOf(localPath(j.file))); err != nil {
			return "", err
		}
		defer j.lock.End()
		if err := j.announce(); err != nil {
			return "", err
		}
	}
	saved, err := j.values.write(ctx, to)
	named := false // in the state file, perhaps
	if err == nil && !j.opts.NoState {
		err = j.commit(ctx, saved)
		named = vfs.IsCommitted(err)
	}
	if err != nil {
		// Nothing of a checkpoint that the state file names may be removed. What a file of
		// the checkpoint itself says of its own rename does not matter.
		if j.lock != nil && !named {
			j.lock.Undo(localPath(j.file))
		}
		return "", err
	}
	return saved, nil
}

// files describes the files of a checkpoint.
func (j *job) files(path string) journal.Files {
	return journal.Files{
		Path: localPath(path), Suffix: j.opts.metaGraphSuffix(),
		V1: checkpoint.Version(j.s.def.Version) != checkpoint.V2,
	}
}

// retention returns what is kept once this save has succeeded, and the files to remove
// then.
func (j *job) retention(saved string) (retention, []journal.Files) {
	s := j.s
	s.mu.Lock()
	kept := s.kept.clone()
	s.mu.Unlock()
	kept.record(saved, s.opts.now())
	var gone []journal.Files
	for old, remove, ok := kept.next(); ok; old, remove, ok = kept.next() {
		if remove {
			gone = append(gone, j.files(old.Path))
		}
	}
	return kept, gone
}

// announce writes the journal.
func (j *job) announce() error {
	_, retired := j.retention(j.saved)
	var writing *journal.Files
	// A checkpoint that exists is replaced. It must not be removed if this save dies.
	if !j.s.exists(j.file) {
		f := j.files(j.saved)
		writing = &f
	}
	return j.lock.Announce(writing, retired)
}

// commit makes the checkpoint the newest one and deletes old ones.
func (j *job) commit(ctx context.Context, saved string) error {
	s := j.s
	kept, _ := j.retention(saved)
	state := dir.State{ModelCheckpointPath: localPath(saved), AllModelCheckpointPaths: kept.paths()}
	for i, p := range state.AllModelCheckpointPaths {
		state.AllModelCheckpointPaths[i] = localPath(p)
	}
	if kept.keepsSome() {
		state.LastPreservedTimestamp = seconds(kept.nextKeep.Add(-kept.keepEvery))
	}
	err := dir.UpdateState(vfs.NewContext(ctx, s.fs), dirOf(localPath(j.file)), state, &dir.StateOptions{
		LatestFilename:    j.opts.latestFilename(),
		SaveRelativePaths: s.opts.SaveRelativePaths,
		NoSync:            s.opts.NoSync,
	})
	if err != nil && !vfs.IsCommitted(err) {
		return fmt.Errorf("write the state file: %w", err)
	}
	// From here on the save has succeeded.
	s.mu.Lock()
	s.kept = kept
	s.mu.Unlock()
	switch {
	case err != nil:
		// After a power cut, the old state file may be there again.
		if j.lock != nil {
			j.lock.Postpone()
		}
		return fmt.Errorf("the checkpoint is saved, but a power cut may undo that: sync the state file: %w", err)
	case j.lock != nil:
		j.lock.Commit()
	}
	return nil
}

// seconds returns a time as state files have it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
