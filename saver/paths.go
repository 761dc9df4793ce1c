package saver

import (
	"context"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
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
	return dir.Remove(s.context(), path, &dir.RemoveOptions{
		Version: version, MetaGraphSuffix: f.Suffix, NoSync: s.opts.NoSync,
	})
}

// context returns the context of work in the Saver's file system that nobody cancels.
func (s *Saver) context() context.Context { return vfs.NewContext(context.Background(), s.fs) }

// exists reports whether a checkpoint lies under a prefix or pattern.
func (s *Saver) exists(path string) bool { return present(s.fs, localPath(path)) }

// present reports whether a file system has a checkpoint under a prefix or pattern.
func present(fsys vfs.FS, path string) bool {
	return dir.Exists(vfs.NewContext(context.Background(), fsys), path)
}

// openReader opens a checkpoint for reading.
func openReader(ctx context.Context, f fileOptions, path string) (*checkpoint.Reader, error) {
	return dir.Open(vfs.NewContext(ctx, f.fs), path, &checkpoint.ReaderOptions{Workers: f.workers})
}

// readState reads a state file in the Saver's file system.
func (s *Saver) readState(folder, name string) (*dir.State, error) {
	return dir.ReadState(s.context(), folder, &dir.StateOptions{LatestFilename: name})
}
