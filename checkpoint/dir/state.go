package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// DefaultLatestFilename is the usual name of the state file.
const DefaultLatestFilename = filenames.DefaultState

// State is the content of a folder's state file, the protocol buffer
// tensorflow.CheckpointState: which checkpoint is the newest, and which others the
// saver keeps.
type State struct {
	// ModelCheckpointPath is the prefix of the newest checkpoint.
	ModelCheckpointPath string
	// AllModelCheckpointPaths are the prefixes of the checkpoints that the saver
	// keeps, from the oldest to the newest. The last one is ModelCheckpointPath.
	AllModelCheckpointPaths []string
	// AllModelCheckpointTimestamps are the times at which those were saved, in
	// seconds since 1970: either none, or one for each path. Saver does not write
	// them; tf.train.CheckpointManager does.
	AllModelCheckpointTimestamps []float64
	// LastPreservedTimestamp is the time at which CheckpointManager last kept a
	// checkpoint for good, in seconds since 1970; 0 means never.
	LastPreservedTimestamp float64
}

// StateOptions tunes [ReadState] and [UpdateState]. Nil and the zero value follow
// TensorFlow.
type StateOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// SaveRelativePaths makes UpdateState write absolute paths relative to the
	// folder.
	SaveRelativePaths bool
	// NoSync leaves it to the operating system when the file reaches the disk.
	NoSync bool
}

// ReadState reads the state file of a folder. Relative paths in it are joined to the
// folder and not cleaned, as tf.train.get_checkpoint_state does.
//
// A missing file is an ErrNotFound, a damaged one an ErrCorrupt. (TensorFlow treats
// both as "no checkpoint", so that one flipped bit restarts a training from scratch.)
func ReadState(ctx context.Context, folder string, o *StateOptions) (*State, error) {
	if err := argcheck.Context(ctx, "read", folder); err != nil {
		return nil, err
	}
	name := ""
	if o != nil {
		name = o.LatestFilename
	}
	return readState(vfs.FromContext(ctx), folder, name)
}

func readState(fsys vfs.FS, folder, latestFilename string) (*State, error) {
	path := statePath(folder, latestFilename)
	text, err := readStateText(fsys, path)
	if err != nil {
		return nil, vfs.Error("read", path, err)
	}
	s, err := parseState(text)
	if err != nil {
		var e *tfkeep.Error
		if errors.As(err, &e) {
			placed := *e
			placed.Path = path
			err = &placed
		}
		return nil, err
	}
	s.ModelCheckpointPath = join(folder, s.ModelCheckpointPath)
	for i, p := range s.AllModelCheckpointPaths {
		s.AllModelCheckpointPaths[i] = join(folder, p)
	}
	return s, nil
}

// maxStateSize bounds the bytes that are read of a state file: room for 10,000
// checkpoints with long names.
const maxStateSize = 16 << 20

func readStateText(fsys vfs.FS, path string) ([]byte, error) {
	text, err := vfs.ReadFile(fsys, path, maxStateSize)
	if errors.Is(err, tfkeep.ErrTooLarge) {
		return nil, &tfkeep.Error{Op: "read", Path: path, Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("it is too large: a state file has at most %d bytes", maxStateSize)}
	}
	if errors.Is(err, fs.ErrNotExist) {
		if link, e := fsys.Lstat(path); e == nil && link.Mode()&fs.ModeSymlink != 0 {
			return nil, &tfkeep.Error{Op: "read", Path: path, Err: tfkeep.ErrCorrupt, Detail: "it is a symbolic link that leads to no file; remove the link, or restore its file"}
		}
	}
	return text, err
}

func statePath(folder, latestFilename string) string {
	if latestFilename == "" {
		latestFilename = DefaultLatestFilename
	}
	return join(folder, latestFilename)
}

// join joins paths as Python's os.path.join does, which keeps "./" and the like:
// TensorFlow compares the paths as strings.
func join(folder, name string) string {
	if folder == "" || filepath.IsAbs(name) {
		return name
	}
	if os.IsPathSeparator(folder[len(folder)-1]) {
		return folder + name
	}
	return folder + string(filepath.Separator) + name
}
