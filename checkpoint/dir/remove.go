package dir

import (
	"context"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/internal/recovery"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// RemoveOptions tunes [Remove].
type RemoveOptions struct {
	// Version is the checkpoint's format; zero removes whichever is there.
	Version checkpoint.Version
	// MetaGraphSuffix is that of the meta graph's file; "" means "meta".
	MetaGraphSuffix string
	// NoSync leaves it to the operating system when the removal reaches the disk.
	NoSync bool
}

// Remove removes a checkpoint: its files, and the meta graph's if there is one.
// The prefix of a V1 checkpoint may be a pattern, as sharded savers return it.
// A checkpoint that is not there is no error.
//
// A V2 checkpoint is gone as a whole with the first step: should the process die
// then, [Sweep] removes the rest. (Of TensorFlow's checkpoints a partial removal
// leaves data without an index.)
func Remove(ctx context.Context, prefix string, o *RemoveOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := recovery.Removal{FS: vfs.FromContext(ctx), Prefix: prefix}
	if o != nil {
		r.Version, r.MetaGraphSuffix, r.NoSync = int(o.Version), o.MetaGraphSuffix, o.NoSync
	}
	return vfs.Error("remove", prefix, r.Run())
}

// MetaGraphPath returns the name of the meta graph's file that belongs to a checkpoint:
// "train/model-1.meta". The name of a sharded V1 checkpoint,
// "train/model-1-?????-of-00002", loses its pattern first. An empty suffix means "meta".
func MetaGraphPath(prefix, suffix string) string { return filenames.MetaGraph(prefix, suffix) }
