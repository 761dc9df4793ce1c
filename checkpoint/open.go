package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Open opens a checkpoint by any of its names:
//
//   - the prefix, as Saver.save returns it: "train/model-1000", or "train/" if there is a
//     file "train/.index";
//   - one of its files: "train/model-1000.index", or a data file or meta graph;
//   - a V1 file, or the pattern of several: "train/model-?????-of-00002".
//
// Where a V2 and a V1 checkpoint have the same prefix, Open opens the V2 checkpoint, as
// TensorFlow does. (To open the newest checkpoint of a folder, see the package
// checkpoint/dir.)
//
// Open reads the index, and of each data file that it names only whether it exists. A
// V1 checkpoint has its index among the values; one of up to 64 MiB is read whole. So
// is every checkpoint with ReaderOptions.Strict.
func Open(ctx context.Context, name string, o *ReaderOptions) (*Reader, error) {
	if o == nil {
		o = &ReaderOptions{}
	}
	files, err := findFiles(ctx, o.FS, name)
	if err != nil {
		return nil, err
	}
	if files.v1 != nil {
		return openV1(ctx, files, o)
	}
	return openBundle(ctx, files.fs, files.name, o)
}

// foundFiles are the files of a checkpoint.
type foundFiles struct {
	fs   fs.FS
	name string   // the prefix, or the V1 file or pattern
	v1   []string // the files of a V1 checkpoint; nil for V2
}

// findFiles finds the files of a checkpoint by any of its names. A nil fsys is the
// operating system's file system.
func findFiles(ctx context.Context, fsys fs.FS, name string) (foundFiles, error) {
	if err := argcheck.Context(ctx, "open", name); err != nil {
		return foundFiles{}, err
	}
	if name == "" {
		return foundFiles{}, &tfkeep.Error{Op: "open", Err: tfkeep.ErrNotFound, Detail: "the path is empty"}
	}
	if fsys != nil {
		if prefix := strings.TrimPrefix(path.Clean(name)+"/", "./"); strings.HasSuffix(name, "/") && isFile(fsys, filenames.Index(prefix)) {
			return foundFiles{fs: fsys, name: prefix}, nil
		}
		return findIn(fsys, path.Clean(name))
	}
	if filenames.EndsInSlash(name) {
		if within := vfs.IOFS(vfs.FromContext(ctx), name); isFile(within, filenames.Index("")) {
			return foundFiles{fs: within}, nil
		}
	}
	folder, base := filepath.Split(filepath.Clean(name))
	return findIn(vfs.IOFS(vfs.FromContext(ctx), folder), base)
}

func findIn(fsys fs.FS, name string) (foundFiles, error) {
	if isFile(fsys, filenames.Index(name)) {
		return foundFiles{fs: fsys, name: name}, nil
	}
	info, err := fs.Stat(fsys, name)
	switch {
	case err == nil && info.IsDir():
		return foundFiles{}, &tfkeep.Error{Op: "open", Path: displayPath(fsys, name), Err: tfkeep.ErrNotFound,
			Detail: "it is a folder; dir.Open of package checkpoint/dir opens the newest checkpoint in it"}
	case err == nil:
		if prefix, ok := filenames.Parse(name); ok {
			if f, err := findIn(fsys, prefix); err == nil {
				return f, nil
			}
		}
		return foundFiles{fsys, name, []string{name}}, nil
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid):
		return foundFiles{}, &tfkeep.Error{Op: "open", Path: displayPath(fsys, name), Cause: err}
	}
	return findShards(fsys, name)
}

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && !info.IsDir()
}

// findShards finds the files of a sharded V1 checkpoint by their pattern, or by the
// prefix that they have in common.
//
// A name counts as it is first, whatever characters of patterns it has, and as a pattern
// only if there are no such files.
func findShards(fsys fs.FS, name string) (foundFiles, error) {
	folder, base := path.Split(name)
	isPattern := false
	files, err := listShards(fsys, folder, func(file string) bool {
		prefix, _, _, ok := filenames.ParseV1Shard(file)
		return ok && prefix == base || filenames.IsV1File(file, base)
	})
	if err == nil && len(files) == 0 && strings.ContainsAny(base, "?*[") {
		isPattern = true
		if _, err := path.Match(base, ""); err != nil {
			return foundFiles{}, &tfkeep.Error{Op: "open", Path: displayPath(fsys, name), Err: tfkeep.ErrNotFound, Detail: "the pattern is malformed"}
		}
		files, err = listShards(fsys, folder, func(file string) bool {
			ok, _ := path.Match(base, file)
			return ok
		})
	}
	if err != nil {
		return foundFiles{}, err
	}
	if len(files) == 0 {
		shown := displayPath(fsys, name)
		return foundFiles{}, &tfkeep.Error{Op: "open", Path: shown, Err: tfkeep.ErrNotFound, Cause: fs.ErrNotExist,
			Detail: fmt.Sprintf("there is neither %s nor a file %s", filenames.Index(shown), shown)}
	}
	if prefix, _, _, ok := filenames.ParseV1Shard(files[0]); ok && !isPattern && prefix == name {
		name = filenames.V1Pattern(name, len(files)) // as Saver.save calls them
	}
	return foundFiles{fsys, name, files}, nil
}

// listShards returns the files in a folder that match, sorted by name. If they are
// numbered as shards, all shards must exist.
func listShards(fsys fs.FS, folder string, match func(file string) bool) ([]string, error) {
	entries, err := fs.ReadDir(fsys, path.Clean(folder))
	if err != nil {
		return nil, nil // findShards reports that there are no files
	}
	var files []string
	for _, e := range entries {
		_, isV2 := filenames.Parse(e.Name())
		if !e.IsDir() && !isV2 && match(e.Name()) {
			files = append(files, folder+e.Name())
		}
	}
	slices.Sort(files)
	for i, f := range files {
		_, shard, total, ok := filenames.ParseV1Shard(f)
		if !ok {
			return files, nil
		}
		if shard != i || total != len(files) {
			return nil, &missingShardsError{&tfkeep.Error{Op: "open", Path: displayPath(fsys, f), Err: tfkeep.ErrNotFound,
				Detail: fmt.Sprintf("the shards are not complete: %d of %d exist", len(files), total)}}
		}
	}
	return files, nil
}
