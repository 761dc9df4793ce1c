package saver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/tf"
)

// Two ways lead from a session to files and back: Go moves the values through
// the session and does the files itself (snapshot.go, load.go), or the graph's
// own nodes do it all (here). Which one it is doesn't show in the files.

// usesFiles decides for Go.
func (s *Saver) usesFiles(sess *tf.Session, path string) (bool, error) {
	var why error
	switch {
	case s.opts.Driver == Ops:
		return false, nil
	case isRemotePath(path):
		why = fmt.Errorf("only TensorFlow knows the file system of %s", path)
	case s.opts.Driver == Auto && sess.Target() != "":
		return false, nil
	default:
		plan, _, err := s.plans.forSave(s)
		if err == nil && plan.version != checkpoint.V2 {
			err = errors.New("the Saver writes format V1")
		}
		why = err
	}
	if why != nil && s.opts.Driver == Files {
		return false, fmt.Errorf("%w: Driver is saver.Files: %w", ErrArgument, why)
	}
	return why == nil, nil
}

// savedPath is what the save nodes return for a path: the path, but for the
// shards of V1 their pattern.
func (s *Saver) savedPath(path string) string {
	plan, _, err := s.plans.forSave(s)
	if err != nil || plan.version != checkpoint.V1 || !s.def.Sharded {
		return path
	}
	return fmt.Sprintf("%s-?????-of-%05d", path, plan.shards)
}

// runSave runs the graph's save nodes and returns the path that they report.
func (s *Saver) runSave(ctx context.Context, sess *tf.Session, path string) (string, error) {
	feed, err := tf.NewTensor(path)
	if err != nil {
		return "", err
	}
	defer tf.Release(feed)
	got, err := sess.Run(ctx, map[tf.Output]*tf.Tensor{s.filename: feed}, []tf.Output{s.saved}, nil)
	if err != nil {
		return "", err
	}
	defer tf.Release(got...)
	saved, ok := got[0].Value().(string)
	if !ok {
		return "", fmt.Errorf("%w: %s is no string", ErrSaverDef, s.def.SaveTensorName)
	}
	return saved, nil
}

// runRestore runs the graph's restore nodes. feeds may replace the keys that
// they ask for.
func (s *Saver) runRestore(ctx context.Context, sess *tf.Session, path string, feeds map[tf.Output]*tf.Tensor) error {
	feed, err := tf.NewTensor(path)
	if err != nil {
		return err
	}
	defer tf.Release(feed)
	all := map[tf.Output]*tf.Tensor{s.filename: feed}
	for o, t := range feeds {
		all[o] = t
	}
	_, err = sess.Run(ctx, all, nil, []*tf.Operation{s.restore})
	return err
}

// syncFiles makes durable what the nodes have written, which they don't do.
func (s *Saver) syncFiles(saved string) error {
	if s.opts.NoSync || isRemotePath(saved) {
		return nil
	}
	path := localPath(saved)
	dir := filepath.Dir(path)
	entries, err := s.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // on the disk of another machine
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || !belongsTo(e.Name(), filepath.Base(path)) {
			continue
		}
		f, err := s.fs.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return s.fs.SyncDir(dir)
}

// belongsTo reports whether a file is part of the checkpoint of that name.
func belongsTo(file, name string) bool {
	if ok, err := filepath.Match(name, file); err == nil && ok {
		return true
	}
	rest, ok := strings.CutPrefix(file, name)
	return ok && (rest == ".index" || strings.HasPrefix(rest, ".data-"))
}
