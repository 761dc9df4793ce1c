package savedmodel

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver"
)

// SaveOptions are the options of [Model.Save]. Nil and the zero value are the defaults.
type SaveOptions struct {
	// Version saves into the next numbered folder below the given one, as [NewVersion] does.
	Version bool
	// Manifest and KeepVersions are those of [BuilderOptions].
	Manifest     bool
	KeepVersions int
}

// Save saves the model as it was loaded, with the values that its variables have in the
// session now, into a new folder, and returns that. The graphs, functions, objects,
// signatures and assets are those of the folder that the model was loaded from, which must
// not have changed since. So Python's tf.saved_model.load gives back the objects of a
// TensorFlow 2 model, with the values that were trained here; a [Builder] would only keep
// the graph.
//
// The folder appears when it is complete. The error is tfkeep.ErrExists if it is there
// already and not empty, tfkeep.ErrLocked if another program is exporting into it, and
// tfkeep.ErrMismatch if the original has changed. The file fingerprint.pb is made anew if the
// original has one.
func (m *Model) Save(ctx context.Context, dir string, o *SaveOptions) (string, error) {
	if err := m.check("save model", dir); err != nil {
		return "", err
	}
	if err := argcheck.Context(ctx, "save model", dir); err != nil {
		return "", err
	}
	if o == nil {
		o = &SaveOptions{}
	}
	if o.Version {
		n, err := modeldir.Next(dir)
		if err != nil {
			return "", buildCause(dir, "", err)
		}
		dir = filepath.Join(dir, strconv.FormatInt(n, 10))
	}
	files, err := openFolder(m.dir, m.opts.FS)
	if err != nil {
		return "", err
	}
	defer files.Close()
	staging, err := modeldir.Begin(dir)
	if err != nil {
		return "", err
	}
	defer staging.Close()
	if err := m.saveInto(ctx, staging, files); err != nil {
		return "", buildCause(dir, "", err)
	}
	if o.Manifest {
		if err := modeldir.WriteManifest(ctx, staging.Path()); err != nil {
			return "", buildCause(dir, "", err)
		}
	}
	if err := staging.Commit(); err != nil {
		return "", err
	}
	if o.KeepVersions > 0 {
		if _, err := modeldir.Prune(filepath.Dir(dir), o.KeepVersions); err != nil {
			return dir, buildCause(dir, "remove older versions", err)
		}
	}
	return dir, nil
}

func (m *Model) saveInto(ctx context.Context, staging *modeldir.Staging, files *folder) error {
	name, data, err := files.read()
	if err != nil {
		return err
	}
	if crc32c.Checksum(data) != m.graphSum {
		return &tfkeep.Error{Op: "save", Path: m.dir, Err: tfkeep.ErrMismatch,
			Detail: "the model's graph has changed since it was loaded; load it again"}
	}
	if err := vfs.WriteFileAtomic(vfs.OS, staging.Path(name), data, true); err != nil {
		return err
	}
	for _, folder := range []string{modeldir.AssetsDir, modeldir.ExtraAssetsDir} {
		if err := copyFiles(ctx, files, folder, staging); err != nil {
			return err
		}
	}
	if err := m.saveVariables(ctx, staging); err != nil {
		return err
	}
	if name == modeldir.FilenamePB && modeldir.HasFingerprint(files.fsys) {
		return modeldir.WriteFingerprint(staging.Path(), data)
	}
	return nil
}

func (m *Model) saveVariables(ctx context.Context, staging *modeldir.Staging) error {
	if m.Saver.SaverDef() == nil {
		return nil // no variables
	}
	if err := vfs.OS.MkdirAll(staging.Path(modeldir.VariablesDir), 0o755); err != nil {
		return err
	}
	_, err := m.Saver.Save(ctx, m.Session, staging.Path(modeldir.VariablesDir, modeldir.VariablesName), &saver.SaveOptions{NoMetaGraph: true, NoState: true, NoSaveCounter: true})
	return err
}

// copyFiles copies a folder of the model with the folders in it, if there is one.
func copyFiles(ctx context.Context, files *folder, name string, staging *modeldir.Staging) error {
	entries, err := fs.ReadDir(files.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	to := staging.Path(filepath.FromSlash(name))
	if err := vfs.OS.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		from := path.Join(name, e.Name())
		if e.IsDir() {
			err = copyFiles(ctx, files, from, staging)
		} else {
			err = copyFile(ctx, files, from, filepath.Join(to, e.Name()))
		}
		if err != nil {
			return err
		}
	}
	return vfs.OS.SyncDir(to)
}

// copyFile copies a file unless it consists of holes, which would fill the disk.
func copyFile(ctx context.Context, files *folder, from, to string) error {
	in, err := vfs.OpenIn(files.fsys, from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := vfs.CheckHoles(from, in, info); err != nil {
		return err
	}
	return vfs.CopyNew(vfs.OS, to, vfs.ReaderUntil(ctx, in))
}
