package saver

import (
	"context"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
)

// LatestCheckpoint is the newest checkpoint of a directory, by its state file
// "checkpoint". It is dir.Latest, which has options.
func LatestCheckpoint(ctx context.Context, folder string) (string, error) {
	return dir.Latest(ctx, localPath(folder), nil)
}

// CheckpointExists reports whether there is a checkpoint, V1 or V2, under a
// prefix or pattern.
func CheckpointExists(ctx context.Context, prefix string) bool {
	return dir.Exists(ctx, localPath(prefix))
}

// UpdateCheckpointState writes a directory's state file: which checkpoint is
// the newest, and which others there are. See dir.UpdateState.
func UpdateCheckpointState(ctx context.Context, folder string, s dir.State, o *dir.StateOptions) error {
	return dir.UpdateState(ctx, localPath(folder), s, o)
}

// RemoveCheckpoint removes a checkpoint with its meta graph. See
// dir.Remove.
func RemoveCheckpoint(ctx context.Context, prefix string, o *dir.RemoveOptions) error {
	return dir.Remove(ctx, localPath(prefix), o)
}

// ListVariables lists what a checkpoint holds, sorted by name. path may be a
// directory, whose newest checkpoint is taken.
func ListVariables(ctx context.Context, path string) ([]checkpoint.TensorInfo, error) {
	r, err := dir.Open(ctx, localPath(path), nil)
	if err != nil {
		return nil, err
	}
	return r.Tensors(), r.Close()
}

// LoadVariable reads one tensor of a checkpoint, row by row. T must be the Go
// type of its elements; for strings it is checkpoint.Reader.ReadStrings that
// serves. path may be a directory, whose newest checkpoint is taken.
func LoadVariable[T dtype.Element](ctx context.Context, path, name string) ([]T, error) {
	r, err := dir.Open(ctx, localPath(path), nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return checkpoint.Values[T](ctx, r, name)
}
