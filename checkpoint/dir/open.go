package dir

import (
	"context"
	"errors"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Open opens a checkpoint by a name that a person may give:
//
//   - a folder: the checkpoint that [Latest] returns, or, without a state file, the V2
//     checkpoint that was written last;
//   - the folder of a SavedModel: its variables;
//   - every name that [checkpoint.Open] takes.
func Open(ctx context.Context, name string, o *checkpoint.ReaderOptions) (*checkpoint.Reader, error) {
	if err := argcheck.Context(ctx, "open", name); err != nil {
		return nil, err
	}
	f := openFolder(ctx, name)
	if o != nil && o.FS != nil {
		f.fs = vfs.ReadOnly(o.FS)
	}
	if !f.exists() {
		return checkpoint.Open(ctx, name, o)
	}
	// A saver may write a newer checkpoint and remove the one that is being opened.
	// Then the state file has changed, and names a checkpoint that exists.
	for {
		before := f.stateText()
		r, err := f.open(ctx, o)
		if err == nil || !errors.Is(err, tfkeep.ErrNotFound) || before == "" || before == f.stateText() {
			return r, err
		}
		if err := ctx.Err(); err != nil {
			return nil, &tfkeep.Error{Op: "open", Path: name, Cause: err}
		}
	}
}

// exists reports whether the path is that of a folder and not the prefix of a
// checkpoint beside it.
func (f folder) exists() bool {
	info, err := f.fs.Stat(f.path)
	if err != nil || !info.IsDir() {
		return false
	}
	_, err = f.fs.Stat(filenames.Index(f.path))
	return err != nil
}

func (f folder) open(ctx context.Context, o *checkpoint.ReaderOptions) (*checkpoint.Reader, error) {
	prefix, err := f.find(ctx)
	if err != nil {
		return nil, err
	}
	return checkpoint.Open(ctx, prefix, o)
}

// find returns the prefix of the checkpoint that the folder stands for.
func (f folder) find(ctx context.Context) (string, error) {
	if prefix := filenames.SavedModelPrefix(f.path); f.isFile(filenames.Index(prefix)) || f.isFile(prefix) {
		return prefix, nil
	}
	if f.isFile(statePath(f.path, "")) {
		return f.latest("")
	}
	found, err := f.indexes(ctx)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		why := "the folder has neither a checkpoint nor a state file named " + DefaultLatestFilename
		if others := modeldir.Others(vfs.IOFS(f.fs, f.path)); others != "" {
			why += "; " + others
		}
		return "", &tfkeep.Error{Op: "open", Path: f.path, Err: tfkeep.ErrNotFound, Detail: why}
	}
	return found[0].Prefix, nil
}

func (f folder) isFile(name string) bool {
	info, err := f.fs.Stat(name)
	return err == nil && !info.IsDir()
}

// stateText returns the content of the state file; "" without one.
func (f folder) stateText() string {
	text, err := readStateText(f.fs, statePath(f.path, ""))
	if err != nil {
		return ""
	}
	return string(text)
}
