package dir

import (
	"context"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/internal/recovery"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// RemoveOptions tunes [Remove]. Nil and the zero value are the right defaults.
type RemoveOptions struct {
	// Version is the format of the checkpoint; 0 removes a checkpoint of either format.
	Version checkpoint.Version
	// MetaGraphSuffix is the suffix of the file of the meta graph; "" means "meta".
	MetaGraphSuffix string
	// NoSync leaves it to the operating system when the removal reaches the disk.
	NoSync bool
}

// Remove removes the files of a checkpoint, and its meta graph if there is one. The
// prefix of a V1 checkpoint may be a pattern, as sharded savers return it. It is not an
// error if the checkpoint does not exist. If this process holds it ([Hold]), the error is
// an ErrLocked.
//
// The first step removes a V2 checkpoint as a whole. If the process dies after that,
// [Sweep] removes the remaining files. (TensorFlow may leave data without an index.)
func Remove(ctx context.Context, prefix string, o *RemoveOptions) error {
	if err := argcheck.Context(ctx, "remove", prefix); err != nil {
		return err
	}
	end, err := beginRemoval(vfs.FromContext(ctx), prefix)
	if err != nil {
		return err
	}
	defer end()
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
