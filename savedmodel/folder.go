package savedmodel

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// maxGraphFile is the largest protobuf message that TensorFlow reads.
const maxGraphFile = 1<<31 - 1

// maxAsset is the size of the largest asset that the initialization of a model may read.
const maxAsset = 1 << 30

// folder is an open SavedModel. A folder on disk is read through an os.Root, so that
// no path and no link leads out of it.
type folder struct {
	name string // for messages
	fsys fs.FS
	root *os.Root // nil if the files are not on disk
	temp string   // folder with copies of files, "" if there are none
}

// openFolder opens dir in fsys, or on disk if fsys is nil.
func openFolder(dir string, fsys fs.FS) (*folder, error) {
	if fsys != nil {
		sub, err := fs.Sub(fsys, dir)
		if err != nil {
			return nil, &tfkeep.Error{Op: "load", Path: dir, Err: tfkeep.ErrArgument, Cause: err}
		}
		return &folder{name: dir, fsys: sub}, nil
	}
	root, err := vfs.OpenRoot(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, &tfkeep.Error{Op: "load", Path: dir, Err: tfkeep.ErrNotFound, Cause: err}
	case err != nil:
		return nil, loadCause(dir, "", err)
	}
	return &folder{name: dir, fsys: vfs.RootFS(root), root: root}, nil
}

func (f *folder) Close() error {
	var err error
	if f.temp != "" {
		err = os.RemoveAll(f.temp)
	}
	if f.root != nil {
		err = errors.Join(err, f.root.Close())
	}
	return err
}

// size returns the size of the model's graph and variables in bytes.
func (f *folder) size() (int64, error) {
	var size int64
	for _, pattern := range []string{modeldir.FilenamePB, modeldir.FilenamePBText, modeldir.VariablesDir + "/*"} {
		names, err := fs.Glob(f.fsys, pattern)
		if err != nil {
			return 0, loadCause(f.name, "", err)
		}
		for _, name := range names {
			if info, err := fs.Lstat(f.fsys, name); err == nil && info.Mode().IsRegular() {
				size += min(storedSize(info), vfs.Allocated(info)) // a hole takes no space
			}
		}
	}
	return size, nil
}

// checkManifest compares the files with the model's manifest, if it has one.
func (f *folder) checkManifest(ctx context.Context) error {
	faults, _, err := modeldir.CheckManifest(ctx, f.fsys)
	if err != nil {
		return loadCause(f.name, "check the manifest", err)
	}
	if len(faults) > 0 {
		return loadError(f.name, tfkeep.ErrCorrupt, "the files differ from the manifest: %s", strings.Join(faults, "; "))
	}
	return nil
}

// graph reads the model and returns the graph with exactly these tags; see Load. sum is the
// checksum of the file.
func (f *folder) graph(tags []string) (mg *graphdef.MetaGraphDef, sum uint32, err error) {
	name, data, err := f.read()
	if err != nil {
		return nil, 0, err
	}
	sm, err := graphdef.ParseSavedModel(data)
	if err != nil {
		return nil, 0, loadCause(path.Join(filepath.ToSlash(f.name), name), "", err)
	}
	mg, err = graphdef.FindMetaGraph(sm, tags)
	if err != nil {
		return nil, 0, loadCause(f.name, "", err)
	}
	return mg, crc32c.Checksum(data), nil
}

// read returns the name and content of saved_model.pb, or of saved_model.pbtxt if there is no
// saved_model.pb.
func (f *folder) read() (name string, data []byte, err error) {
	for _, name := range []string{modeldir.FilenamePB, modeldir.FilenamePBText} {
		limit := int64(maxGraphFile)
		if info, err := fs.Stat(f.fsys, name); err == nil {
			limit = min(limit, allowedSize(info))
		}
		data, err := vfs.ReadIn(f.fsys, name, limit)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, loadCause(f.name, "", err)
		}
		return name, data, nil
	}
	detail, kind := modeldir.WhyNoModel(f.fsys)
	return "", nil, loadError(f.name, kind, "%s", detail)
}

// variables opens the checkpoint, which may have either format.
func (f *folder) variables(ctx context.Context) (*checkpoint.Reader, error) {
	if _, err := fs.Stat(f.fsys, modeldir.VariablesDir); err != nil {
		return nil, &tfkeep.Error{
			Op: "load", Path: f.name, Err: tfkeep.ErrCorrupt, Cause: err,
			Detail: "the model has variables, but no folder variables with their values",
		}
	}
	r, err := checkpoint.Open(ctx, path.Join(modeldir.VariablesDir, modeldir.VariablesName), &checkpoint.ReaderOptions{FS: f.fsys})
	if err != nil {
		return nil, loadCause(f.name, "", err)
	}
	return r, nil
}

// asset returns the path of one of the model's assets on disk. If the model is not on
// disk, it copies the file there.
func (f *folder) asset(name string) (string, error) {
	fail := func(kind error, detail string) (string, error) {
		return "", &tfkeep.Error{Op: "load", Path: f.name, Item: "asset", Name: name, Err: kind, Detail: detail}
	}
	rel := path.Join(modeldir.AssetsDir, name)
	if name == "" || !fs.ValidPath(name) || path.Dir(rel) != modeldir.AssetsDir {
		return fail(tfkeep.ErrUnsafe, "it is not a file of the folder "+modeldir.AssetsDir)
	}
	info, err := fs.Lstat(f.fsys, rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(tfkeep.ErrCorrupt, rel+" is missing")
	case err != nil:
		return "", loadCause(f.name, "", err)
	case !info.Mode().IsRegular():
		return fail(tfkeep.ErrUnsafe, rel+" is not a regular file")
	case info.Size() > maxAsset:
		return fail(tfkeep.ErrTooLarge, fmt.Sprintf("%s has %d bytes, and TensorFlow would read them into memory; at most %d are allowed", rel, info.Size(), int64(maxAsset)))
	}
	if err := f.checkHoles(rel); err != nil {
		return "", &tfkeep.Error{Op: "load", Path: f.name, Item: "asset", Name: name, Cause: err}
	}
	if f.root != nil {
		return filepath.Join(f.name, filepath.FromSlash(rel)), nil
	}
	return f.copyOut(rel)
}

// checkHoles refuses a file that is to be read whole and consists of holes.
func (f *folder) checkHoles(rel string) error {
	in, err := vfs.OpenIn(f.fsys, rel)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return vfs.CheckHoles(rel, in, info)
}

// checkpointPath returns the prefix of the checkpoint on disk. If the model is not on
// disk, it copies the checkpoint there.
func (f *folder) checkpointPath() (string, error) {
	if f.root != nil {
		return filepath.Join(f.name, modeldir.VariablesDir, modeldir.VariablesName), nil
	}
	entries, err := fs.ReadDir(f.fsys, modeldir.VariablesDir)
	if err != nil {
		return "", loadCause(f.name, "", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), modeldir.VariablesName) {
			continue
		}
		if _, err := f.copyOut(path.Join(modeldir.VariablesDir, e.Name())); err != nil {
			return "", err
		}
	}
	return filepath.Join(f.temp, modeldir.VariablesDir, modeldir.VariablesName), nil
}

// copyOut copies a file into a temporary folder, which Close removes.
func (f *folder) copyOut(rel string) (_ string, err error) {
	defer func() {
		if err != nil {
			err = loadCause(f.name, "copy "+rel+" to disk", err)
		}
	}()
	if f.temp == "" {
		if f.temp, err = os.MkdirTemp("", "savedmodel-"); err != nil {
			return "", err
		}
	}
	to := filepath.Join(f.temp, filepath.FromSlash(rel))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", err
	}
	in, err := vfs.OpenIn(f.fsys, rel)
	if err != nil {
		return "", err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return "", err
	}
	limit := allowedSize(info)
	if info.Size() > limit {
		return "", tooLarge(info.Size(), limit)
	}
	out, err := vfs.OS.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return to, nil // two variables or tables may use one file
	}
	if err != nil {
		return "", err
	}
	// The archive may have more than it states.
	n, err := io.Copy(out, io.LimitReader(in, info.Size()+1))
	if err == nil && n > info.Size() {
		err = tooLarge(n, info.Size())
	}
	return to, errors.Join(err, out.Close())
}

func tooLarge(size, limit int64) error {
	return fmt.Errorf("%w: it has %d bytes or more, and %d are allowed for a compressed file of its size; extract the archive first if you trust it", tfkeep.ErrTooLarge, size, limit)
}

// storedSize returns how many bytes a file takes in the archive that it is in, or else its
// size.
func storedSize(info fs.FileInfo) int64 {
	if h, ok := info.Sys().(*zip.FileHeader); ok {
		return min(info.Size(), int64(min(h.CompressedSize64, math.MaxInt64)))
	}
	return info.Size()
}

// allowedSize returns how large a file may be: a small archive must not fill the memory or the
// disk.
func allowedSize(info fs.FileInfo) int64 {
	if _, ok := info.Sys().(*zip.FileHeader); !ok {
		return math.MaxInt64
	}
	return 64<<20 + 2*min(storedSize(info), math.MaxInt64/4)
}
