package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// Open opens a checkpoint by any of its names:
//
//   - the prefix, as Saver.save returns it: "train/model-1000";
//   - a file of it: "train/model-1000.index", or a data or meta file;
//   - a V1 file, or the pattern of several: "train/model-?????-of-00002";
//   - a directory: the newest checkpoint that its state file names, and without
//     a state file the newest there is;
//   - a SavedModel's directory: its variables.
//
// Where a V2 and a V1 checkpoint have the same prefix, V2 wins, as in
// TensorFlow. Nothing is read but the index.
func Open(name string, o *ReaderOptions) (*Reader, error) {
	if name == "" {
		return nil, &Error{Op: "open", Offset: -1, Err: ErrNotFound, Detail: "the path is empty"}
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		if _, err := os.Stat(name + indexSuffix); err != nil {
			return openFound(osDir(name), ".", o)
		}
	}
	dir, base := filepath.Split(filepath.Clean(name))
	return openFound(osDir(dir), base, o)
}

// NewReader is [Open] in a file system other than the operating system's: an
// archive, an embedded one, one in memory. Its files need not implement
// io.ReaderAt, but reading is slow, from the file's start each time, if they
// implement neither that nor io.Seeker.
func NewReader(fsys fs.FS, prefix string, o *ReaderOptions) (*Reader, error) {
	return openFound(fsys, path.Clean(prefix), o)
}

func openFound(fsys fs.FS, name string, o *ReaderOptions) (*Reader, error) {
	if o == nil {
		o = &ReaderOptions{}
	}
	// Of a directory's newest checkpoint the files may go while they are being
	// opened, because a saver beside us has written a newer one. Then the state
	// file says so, and that one is opened.
	for {
		before := stateText(fsys, name)
		r, err := openOnce(fsys, name, o)
		if err == nil || !errors.Is(err, ErrNotFound) || before == "" || before == stateText(fsys, name) {
			return r, err
		}
	}
}

// stateText is the content of a directory's state file; "" without one.
func stateText(fsys fs.FS, dir string) string {
	f, err := fsys.Open(path.Join(dir, "checkpoint"))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxStateSize))
	if err != nil {
		return ""
	}
	return string(text)
}

func openOnce(fsys fs.FS, name string, o *ReaderOptions) (*Reader, error) {
	f, err := findCheckpoint(fsys, name)
	if err != nil {
		return nil, err
	}
	if f.v1 != nil {
		return openV1(f.fsys, f.name, f.v1, o)
	}
	return openBundle(f.fsys, f.name, o)
}

// foundCheckpoint is a checkpoint that a name stands for.
type foundCheckpoint struct {
	fsys fs.FS
	name string   // the prefix, or the V1 file or pattern
	v1   []string // the files of a V1 checkpoint
}

var (
	companion = regexp.MustCompile(`^(.+)\.(index|meta|data-[0-9]{5,}-of-[0-9]{5,})$`)
	v1Shard   = regexp.MustCompile(`-([0-9]{5,})-of-([0-9]{5,})$`)
)

func findCheckpoint(fsys fs.FS, name string) (f foundCheckpoint, err error) {
	if isFile(fsys, name+indexSuffix) {
		return foundCheckpoint{fsys: fsys, name: name}, nil
	}
	if info, err := fs.Stat(fsys, name); err == nil {
		if info.IsDir() {
			return findInDir(fsys, name)
		}
		if m := companion.FindStringSubmatch(name); m != nil {
			if f, err := findCheckpoint(fsys, m[1]); err == nil {
				return f, nil
			}
		}
		return foundCheckpoint{fsys, name, []string{name}}, nil
	} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
		return f, &Error{Op: "open", File: displayPath(fsys, name), Offset: -1, Err: err}
	}
	pattern := name
	isPattern := strings.ContainsAny(name, "?*[")
	if !isPattern {
		pattern = name + "-?????-of-?????"
	}
	files, err := findShards(fsys, pattern)
	if err != nil {
		return f, err
	}
	if len(files) > 0 {
		if !isPattern {
			// As Saver calls them together.
			pattern = fmt.Sprintf("%s-?????-of-%05d", name, len(files))
		}
		return foundCheckpoint{fsys, pattern, files}, nil
	}
	shown := displayPath(fsys, name)
	return f, &Error{Op: "open", File: shown, Offset: -1, Err: fmt.Errorf("%w: %w", ErrNotFound, fs.ErrNotExist),
		Detail: fmt.Sprintf("there is neither %s%s nor a file or directory %s", shown, indexSuffix, shown)}
}

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && !info.IsDir()
}

// findShards lists the files that match a pattern, in the order of their names.
// Those named as one of several must be there all.
func findShards(fsys fs.FS, pattern string) ([]string, error) {
	dir, base := path.Split(pattern)
	if _, err := path.Match(base, ""); err != nil {
		return nil, &Error{Op: "open", File: displayPath(fsys, pattern), Offset: -1, Err: ErrNotFound, Detail: "the pattern is malformed"}
	}
	entries, err := fs.ReadDir(fsys, path.Clean(dir))
	if err != nil {
		return nil, nil // findCheckpoint says that nothing was found
	}
	var files []string
	for _, e := range entries {
		if ok, _ := path.Match(base, e.Name()); ok && !e.IsDir() && companion.FindString(e.Name()) == "" {
			files = append(files, dir+e.Name())
		}
	}
	sort.Strings(files)
	return files, checkShards(fsys, files)
}

func checkShards(fsys fs.FS, files []string) error {
	for i, f := range files {
		m := v1Shard.FindStringSubmatch(f)
		if m == nil {
			return nil
		}
		var total int
		fmt.Sscan(m[2], &total)
		if want := fmt.Sprintf("-%05d-of-%05d", i, len(files)); m[0] != want {
			return &Error{Op: "open", File: displayPath(fsys, f), Offset: -1, Err: ErrNotFound,
				Detail: fmt.Sprintf("the shards are not complete: %d of %d are there", len(files), total)}
		}
	}
	return nil
}

// findInDir finds a directory's newest checkpoint.
func findInDir(fsys fs.FS, dir string) (f foundCheckpoint, err error) {
	if variables := path.Join(dir, "variables", "variables"); isFile(fsys, variables+indexSuffix) || isFile(fsys, variables) {
		return findCheckpoint(fsys, variables)
	}
	if isFile(fsys, path.Join(dir, DefaultLatestFilename)) {
		return findByState(fsys, dir)
	}
	return findNewest(fsys, dir)
}

// findNewest takes the index that was written last.
func findNewest(fsys fs.FS, dir string) (f foundCheckpoint, err error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return f, &Error{Op: "open", File: displayPath(fsys, dir), Offset: -1, Err: err}
	}
	var newest fs.FileInfo
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), indexSuffix) || e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err == nil && (newest == nil || !info.ModTime().Before(newest.ModTime())) {
			newest = info
		}
	}
	if newest == nil {
		return f, &Error{Op: "open", File: displayPath(fsys, dir), Offset: -1, Err: ErrNotFound,
			Detail: "the directory has neither a checkpoint nor the state file named checkpoint"}
	}
	return findCheckpoint(fsys, path.Join(dir, strings.TrimSuffix(newest.Name(), indexSuffix)))
}

// findByState follows a directory's state file. In the operating system's files
// it may lead to another directory.
func findByState(fsys fs.FS, dir string) (f foundCheckpoint, err error) {
	if _, ok := fsys.(osDir); ok {
		prefix, err := Latest(displayPath(fsys, dir), nil)
		if err != nil {
			return f, err
		}
		dir, base := filepath.Split(prefix)
		return findCheckpoint(osDir(dir), base)
	}
	name := path.Join(dir, DefaultLatestFilename)
	in, err := openInput(fsys, name)
	if err != nil {
		return f, err
	}
	defer in.Close()
	if in.size > maxStateSize {
		return f, &Error{Op: "open", File: name, Offset: -1, Err: ErrCorrupt, Detail: "too large for a state file"}
	}
	text := make([]byte, in.size)
	if n, err := in.ReadAt(text, 0); n < len(text) {
		return f, in.fsError("read", err)
	}
	state, err := ParseState(text)
	if err != nil {
		return f, err
	}
	// A path of the file system in which it was written ends in one of this.
	parts := strings.Split(filepath.ToSlash(state.ModelCheckpointPath), "/")
	for i := range parts {
		if f, err = findCheckpoint(fsys, path.Join(append([]string{dir}, parts[i:]...)...)); err == nil {
			return f, nil
		}
	}
	return f, err
}
