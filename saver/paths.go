package saver

import (
	"context"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// localPath removes the scheme of file:// URIs.
func localPath(path string) string { return strings.TrimPrefix(path, "file://") }

// dirOf returns what Python's os.path.dirname does, without cleaning the path, so that
// paths in a state file are written as TensorFlow writes them.
func dirOf(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return path[:i+1]
	}
	return strings.TrimRight(path[:i], "/")
}

// isRemotePath reports whether only TensorFlow knows the path's file system:
// gs://, s3://, hdfs:// and other schemes.
func isRemotePath(path string) bool {
	scheme, _, ok := strings.Cut(path, "://")
	return ok && scheme != "file" && scheme != "" && !strings.ContainsAny(scheme, `/\`)
}

// context returns a context with the Saver's file system. It is never canceled.
func (s *Saver) context() context.Context { return vfs.NewContext(context.Background(), s.fs) }

// exists reports whether there is a checkpoint with a prefix or pattern.
func (s *Saver) exists(path string) bool { return present(s.fs, localPath(path)) }

// present reports whether a file system has a checkpoint with a prefix or pattern.
func present(fsys vfs.FS, path string) bool {
	return dir.Exists(vfs.NewContext(context.Background(), fsys), path)
}

// openReader opens a checkpoint for reading.
func openReader(ctx context.Context, f fileOptions, path string) (*checkpoint.Reader, error) {
	return dir.Open(vfs.NewContext(ctx, f.fs), path, &checkpoint.ReaderOptions{Workers: f.workers})
}
