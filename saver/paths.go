package saver

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// localPath takes the scheme off file:// URIs.
func localPath(path string) string { return strings.TrimPrefix(path, "file://") }

// dirOf is Python's os.path.dirname: what the path says and no more, so that
// paths in a state file are written as TensorFlow would.
func dirOf(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return path[:i+1]
	}
	return strings.TrimRight(path[:i], "/")
}

// isRemotePath reports whether only TensorFlow knows the path's file system:
// gs://, s3://, hdfs:// and whatever else has a scheme.
func isRemotePath(path string) bool {
	scheme, _, ok := strings.Cut(path, "://")
	return ok && scheme != "file" && scheme != "" && !strings.ContainsAny(scheme, `/\`)
}

// removeFiles removes a checkpoint that may be there.
func (s *Saver) removeFiles(path string, f files) error {
	s.discardParts(path)
	version := checkpoint.V2
	if f.V1 {
		version = checkpoint.V1
	}
	return checkpoint.Remove(path, &checkpoint.RemoveOptions{
		Version: version, MetaGraphSuffix: f.Suffix, NoSync: s.opts.NoSync, FS: s.fs,
	})
}

// exists reports whether a checkpoint, or part of one, lies under the prefix.
func (s *Saver) exists(prefix string) bool {
	for _, name := range []string{prefix + ".index", prefix} {
		if _, err := s.fs.Stat(localPath(name)); err == nil {
			return true
		}
	}
	return false
}

// present is exists for patterns too, as the paths of V1 shards are.
func present(fsys vfs.FS, path string) bool {
	return len(vfs.Glob(fsys, path+".index")) > 0 || len(vfs.Glob(fsys, path)) > 0
}

// openReader opens a checkpoint for reading.
func openReader(f fileOptions, path string) (*checkpoint.Reader, error) {
	o := &checkpoint.ReaderOptions{Workers: f.workers}
	if f.fs == vfs.OS {
		return checkpoint.Open(path, o)
	}
	dir, base := filepath.Split(path)
	return checkpoint.NewReader(vfs.IOFS(f.fs, filepath.Clean(dir)), base, o)
}

// readState is checkpoint.ReadState in the Saver's file system.
func (s *Saver) readState(dir, name string) (*checkpoint.State, error) {
	path := filepath.Join(dir, name)
	data, err := vfs.ReadFile(s.fs, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", checkpoint.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	state, err := checkpoint.ParseState(data)
	if err != nil {
		return nil, fmt.Errorf("saver: %s: %w", path, err)
	}
	join := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	join(&state.ModelCheckpointPath)
	for i := range state.AllModelCheckpointPaths {
		join(&state.AllModelCheckpointPaths[i])
	}
	return state, nil
}
