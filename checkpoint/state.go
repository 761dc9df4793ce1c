package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// DefaultLatestFilename is the usual name of the state file.
const DefaultLatestFilename = "checkpoint"

// State is the contents of a directory's state file, the protocol buffer
// tensorflow.CheckpointState: which checkpoint is the newest, and which others
// the saver keeps.
type State struct {
	// ModelCheckpointPath is the newest checkpoint's prefix.
	ModelCheckpointPath string
	// AllModelCheckpointPaths are those kept, from the oldest to the newest,
	// which is ModelCheckpointPath again.
	AllModelCheckpointPaths []string
	// AllModelCheckpointTimestamps are when those were saved, in seconds since
	// 1970; empty, or one for each path. Saver does not write them;
	// tf.train.CheckpointManager does.
	AllModelCheckpointTimestamps []float64
	// LastPreservedTimestamp is when a checkpoint was last kept for good, by
	// CheckpointManager; 0 is unset.
	LastPreservedTimestamp float64
}

// ReadState reads the state file of a directory; latestFilename "" means
// "checkpoint". Relative paths in it are joined to dir and not cleaned, as by
// tf.train.get_checkpoint_state.
//
// A file that is missing is ErrNotFound, one that is damaged ErrCorrupt. (To
// TensorFlow both are "no checkpoint", so that one flipped bit restarts a
// training from scratch.)
func ReadState(dir, latestFilename string) (*State, error) {
	return readState(vfs.OS, dir, latestFilename)
}

func readState(fsys vfs.FS, dir, latestFilename string) (*State, error) {
	name := statePath(dir, latestFilename)
	data, err := readSmall(fsys, name)
	if err != nil {
		return nil, fileError("read", name, err)
	}
	s, err := ParseState(data)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.File = name
		}
		return nil, err
	}
	s.ModelCheckpointPath = joinUnclean(dir, s.ModelCheckpointPath)
	for i, p := range s.AllModelCheckpointPaths {
		s.AllModelCheckpointPaths[i] = joinUnclean(dir, p)
	}
	return s, nil
}

// maxStateSize bounds what is read of a state file: room for 10,000
// checkpoints of long names.
const maxStateSize = 16 << 20

func readSmall(fsys vfs.FS, name string) ([]byte, error) {
	info, err := fsys.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Op: "read", File: name, Offset: -1, Err: ErrCorrupt, Detail: "not a file"}
	}
	if info.Size() > maxStateSize {
		return nil, &Error{Op: "read", File: name, Offset: -1, Err: ErrCorrupt,
			Detail: fmt.Sprintf("%d bytes are too many for a state file", info.Size())}
	}
	return vfs.ReadFile(fsys, name)
}

func statePath(dir, latestFilename string) string {
	if latestFilename == "" {
		latestFilename = DefaultLatestFilename
	}
	return joinUnclean(dir, latestFilename)
}

// joinUnclean joins as Python's os.path.join does, which leaves "./" and the
// like alone: the paths are compared as strings.
func joinUnclean(dir, name string) string {
	if dir == "" || filepath.IsAbs(name) {
		return name
	}
	if os.IsPathSeparator(dir[len(dir)-1]) {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

// Exists reports whether there is a checkpoint under a prefix, by TensorFlow's
// rule: a file prefix.index, or one of the name itself (V1). The prefix may be a
// pattern. Nothing is read; see [Verify].
func Exists(prefix string) bool { return exists(vfs.OS, prefix) }

func exists(fsys vfs.FS, prefix string) bool {
	return prefix != "" && (len(vfs.Glob(fsys, prefix+indexSuffix)) > 0 || len(vfs.Glob(fsys, prefix)) > 0)
}

// LatestOptions tunes [Latest]. The zero value follows TensorFlow.
type LatestOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// Verified reads the candidates whole and returns the newest that is good:
	// the state file's own, the others it lists, then whatever V2 checkpoints
	// the directory holds. It works without a state file and with a damaged one.
	Verified bool
	// OnSkip is told of every candidate that Verified passes over, and why; with
	// the name of the state file if that is what is damaged. May be nil.
	OnSkip func(prefix string, err error)
	FS     vfs.FS // nil is the operating system's
}

// Latest returns the prefix of a directory's newest checkpoint, as
// tf.train.latest_checkpoint does: the state file says which, and its files must
// be there. Beyond TensorFlow, a directory that was moved together with its
// state file, absolute paths and all, is no obstacle. In a copy such paths lead
// to the original for as long as that exists, as they do in TensorFlow.
//
// Without a checkpoint the error is ErrNotFound, with a damaged state file
// ErrCorrupt.
func Latest(dir string, o *LatestOptions) (string, error) {
	l := latest{fs: vfs.OS, dir: dir}
	if o != nil {
		l.opts = *o
		if o.FS != nil {
			l.fs = o.FS
		}
	}
	state, err := readState(l.fs, dir, l.opts.LatestFilename)
	if l.opts.Verified {
		return l.newestVerified(state, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", &Error{Op: "find the newest in", File: dir, Offset: -1, Err: err,
			Detail: "no checkpoint was saved there, or not with this name of the state file"}
	}
	if err != nil {
		return "", err
	}
	prefix, ok := l.locate(state.ModelCheckpointPath)
	if !ok {
		return "", &Error{Op: "find the newest in", File: dir, Offset: -1, Err: ErrNotFound,
			Detail: "Couldn't match files for checkpoint " + state.ModelCheckpointPath}
	}
	return prefix, nil
}

type latest struct {
	fs   vfs.FS
	dir  string
	opts LatestOptions
}

// locate finds the checkpoint that a state file names. If it is not there, the
// directory may have been moved: then its path ends in one that exists here.
func (l *latest) locate(path string) (string, bool) {
	if exists(l.fs, path) {
		return path, true
	}
	parts := strings.FieldsFunc(filepath.ToSlash(path), func(r rune) bool { return r == '/' })
	for i := range parts {
		if moved := joinUnclean(l.dir, filepath.Join(parts[i:]...)); exists(l.fs, moved) {
			return moved, true
		}
	}
	return "", false
}
