package savedmodel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// maxGraphFile is the largest protobuf message that TensorFlow reads.
const maxGraphFile = 1<<31 - 1

// folder is the files of a SavedModel. One on disk is reached through an
// os.Root: no path and no link leads out of it.
type folder struct {
	name string // for messages
	fsys fs.FS
	root *os.Root // nil where the files are not on disk
	temp string   // folder with copies of files, "" while there are none
}

func openFolder(dir string) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, notThere(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	return &folder{name: dir, fsys: root.FS(), root: root}, nil
}

func newFolder(fsys fs.FS) (*folder, error) {
	if fsys == nil {
		return nil, fmt.Errorf("%w: no file system", ErrArgument)
	}
	return &folder{name: "the file system", fsys: fsys}, nil
}

func notThere(dir string) error {
	return fmt.Errorf("%w: SavedModel file does not exist at: %s/{%s|%s}", ErrNotSavedModel, dir, FilenamePBTxt, FilenamePB)
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

// checkManifest compares the files with the model's own list, if it has one.
func (f *folder) checkManifest(ctx context.Context) error {
	faults, _, err := modeldir.CheckManifest(ctx, f.fsys)
	if err != nil {
		return fmt.Errorf("savedmodel: manifest: %w", err)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %w: %s", ErrDamaged, modeldir.ErrManifest, strings.Join(faults, "; "))
	}
	return nil
}

// graph reads the model and picks the graph with exactly these tags.
func (f *folder) graph(tags []string) (*graphdef.MetaGraphDef, error) {
	data, err := f.read()
	if err != nil {
		return nil, err
	}
	sm, err := graphdef.ParseSavedModel(data)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", f.name, err)
	}
	if mg, err := graphdef.FindMetaGraph(sm, tags); err == nil && graphdef.TagSet(mg.GetMetaInfoDef().GetTags()) == graphdef.TagSet(tags) {
		return mg, nil
	}
	var have []string
	for _, mg := range sm.MetaGraphs {
		have = append(have, "{"+quoted(mg.GetMetaInfoDef().GetTags())+"}")
	}
	return nil, fmt.Errorf("%w: MetaGraphDef associated with tags %s could not be found in SavedModel, with available tags '[%s]'. To inspect available tag-sets in the SavedModel, please use: tfkeep savedmodel show %s",
		ErrNoTags, quoted(tags), strings.Join(have, ", "), f.name)
}

// read returns the content of saved_model.pb, or else of saved_model.pbtxt.
func (f *folder) read() ([]byte, error) {
	for _, name := range []string{FilenamePB, FilenamePBTxt} {
		file, err := f.fsys.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("savedmodel: %w", err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return nil, fmt.Errorf("savedmodel: %w", err)
		}
		if info.Size() > maxGraphFile {
			return nil, fmt.Errorf("%w: %s has %d bytes; TensorFlow reads none above 2 GiB", ErrDamaged, name, info.Size())
		}
		data, err := io.ReadAll(io.LimitReader(file, maxGraphFile+1))
		if err != nil {
			return nil, fmt.Errorf("savedmodel: %s: %w", name, err)
		}
		return data, nil
	}
	if _, err := fs.Stat(f.fsys, modeldir.FilenameCPB); err == nil {
		return nil, fmt.Errorf("%w: %s has only %s, the chunked form of models above 2 GiB, which is not read here", ErrNotSavedModel, f.name, modeldir.FilenameCPB)
	}
	return nil, notThere(f.name)
}

func quoted(tags []string) string {
	q := make([]string, len(tags))
	for i, t := range tags {
		q[i] = "'" + t + "'"
	}
	return strings.Join(q, ", ")
}

// variables opens the checkpoint, of either format.
func (f *folder) variables(ctx context.Context) (*checkpoint.Reader, error) {
	if _, err := fs.Stat(f.fsys, VariablesDir); err != nil {
		return nil, fmt.Errorf("%w: the model has variables and no folder %s with their values: %w", ErrDamaged, VariablesDir, err)
	}
	r, err := checkpoint.Open(ctx, path.Join(VariablesDir, VariablesName), &checkpoint.ReaderOptions{FS: f.fsys})
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", f.name, err)
	}
	return r, nil
}

// asset finds a file among the model's assets, and copies it to the disk if it
// is not there.
func (f *folder) asset(name string) (string, error) {
	rel := path.Join(AssetsDir, name)
	if name == "" || !fs.ValidPath(name) || path.Dir(rel) != AssetsDir {
		return "", fmt.Errorf("%w: asset %q is not a file of the folder %s", ErrUnsafe, name, AssetsDir)
	}
	info, err := fs.Lstat(f.fsys, rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: asset %s of %s is missing", ErrDamaged, rel, f.name)
	case err != nil:
		return "", fmt.Errorf("savedmodel: asset: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%w: asset %s of %s is no regular file", ErrUnsafe, rel, f.name)
	}
	if f.root != nil {
		return filepath.Join(f.name, filepath.FromSlash(rel)), nil
	}
	return f.copyOut(rel)
}

// checkpointPath is the prefix of the checkpoint on the disk, where it is
// copied to if it is not there.
func (f *folder) checkpointPath() (string, error) {
	if f.root != nil {
		return filepath.Join(f.name, VariablesDir, VariablesName), nil
	}
	entries, err := fs.ReadDir(f.fsys, VariablesDir)
	if err != nil {
		return "", fmt.Errorf("savedmodel: variables: %w", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), VariablesName) {
			continue
		}
		if _, err := f.copyOut(path.Join(VariablesDir, e.Name())); err != nil {
			return "", err
		}
	}
	return filepath.Join(f.temp, VariablesDir, VariablesName), nil
}

// copyOut copies a file into a temporary folder, which Close removes.
func (f *folder) copyOut(rel string) (string, error) {
	if f.temp == "" {
		dir, err := os.MkdirTemp("", "savedmodel-")
		if err != nil {
			return "", fmt.Errorf("savedmodel: %s: %w", rel, err)
		}
		f.temp = dir
	}
	to := filepath.Join(f.temp, filepath.FromSlash(rel))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", fmt.Errorf("savedmodel: %s: %w", rel, err)
	}
	in, err := f.fsys.Open(rel)
	if err != nil {
		return "", fmt.Errorf("savedmodel: %w", err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return "", fmt.Errorf("savedmodel: %s: %w", rel, err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return "", fmt.Errorf("savedmodel: %s: %w", rel, err)
	}
	return to, nil
}
