package saver

import (
	"context"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// LatestCheckpoint is the newest checkpoint of a directory, by its state file
// "checkpoint". It is checkpoint.Latest, which has options.
func LatestCheckpoint(dir string) (string, error) { return checkpoint.Latest(localPath(dir), nil) }

// CheckpointExists reports whether there is a checkpoint, V1 or V2, under a
// prefix or pattern.
func CheckpointExists(prefix string) bool { return checkpoint.Exists(localPath(prefix)) }

// UpdateCheckpointState writes a directory's state file: which checkpoint is
// the newest, and which others there are. See checkpoint.UpdateState.
func UpdateCheckpointState(ctx context.Context, dir string, s checkpoint.State, o *checkpoint.StateOptions) error {
	return checkpoint.UpdateState(ctx, localPath(dir), s, o)
}

// RemoveCheckpoint removes a checkpoint with its meta graph. See
// checkpoint.Remove.
func RemoveCheckpoint(prefix string, o *checkpoint.RemoveOptions) error {
	return checkpoint.Remove(localPath(prefix), o)
}

// ListVariables lists what a checkpoint holds, sorted by name. path may be a
// directory, whose newest checkpoint is taken.
func ListVariables(path string) ([]checkpoint.TensorInfo, error) {
	r, err := checkpoint.Open(localPath(path), nil)
	if err != nil {
		return nil, err
	}
	return r.Tensors(), r.Close()
}

// LoadVariable reads one tensor of a checkpoint, row by row. T must be the Go
// type of its elements; for strings it is checkpoint.Reader.ReadStrings that
// serves. path may be a directory, whose newest checkpoint is taken.
func LoadVariable[T dtype.Element](ctx context.Context, path, name string) ([]T, error) {
	r, err := checkpoint.Open(localPath(path), nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return checkpoint.Values[T](ctx, r, name)
}
