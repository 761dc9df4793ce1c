package checkpoint

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// newestVerified goes through the candidates from the newest to the oldest.
func (l *latest) newestVerified(state *State, stateErr error) (string, error) {
	if stateErr != nil && !errors.Is(stateErr, fs.ErrNotExist) {
		l.skip(statePath(l.dir, l.opts.LatestFilename), stateErr)
	}
	candidates, err := l.candidates(state)
	if err != nil {
		return "", err
	}
	for _, prefix := range candidates {
		err := verifyWhole(l.fs, prefix)
		if err == nil {
			return prefix, nil
		}
		l.skip(prefix, err)
	}
	kind := ErrNotFound
	detail := "no checkpoint was saved there"
	if len(candidates) > 0 {
		kind, detail = ErrCorrupt, "none of its checkpoints is whole"
	}
	return "", &Error{Op: "find the newest in", File: l.dir, Offset: -1, Err: kind, Detail: detail}
}

func (l *latest) skip(prefix string, err error) {
	if l.opts.OnSkip != nil {
		l.opts.OnSkip(prefix, err)
	}
}

// candidates lists the prefixes that may be checkpoints: the state file's, then
// the directory's, each without those before.
func (l *latest) candidates(state *State) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	add := func(prefix string) {
		if key := filepath.Clean(prefix); !seen[key] {
			seen[key] = true
			out = append(out, prefix)
		}
	}
	if state != nil {
		named := append(slices.Clone(state.AllModelCheckpointPaths), state.ModelCheckpointPath)
		slices.Reverse(named)
		for _, path := range named {
			if prefix, ok := l.locate(path); ok {
				add(prefix)
			} else {
				l.skip(path, &Error{Op: "open", File: path, Offset: -1, Err: ErrNotFound, Detail: "the state file names it"})
			}
		}
	}
	found, err := l.scan()
	if err != nil {
		return nil, err
	}
	for _, prefix := range found {
		add(prefix)
	}
	return out, nil
}

// scan finds the directory's V2 checkpoints by their indexes, the newest first.
func (l *latest) scan() ([]string, error) {
	entries, err := l.fs.ReadDir(dirOf(l.dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fileError("read", l.dir, err)
	}
	type found struct {
		prefix string
		mtime  time.Time
	}
	var all []found
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), indexSuffix)
		if !ok || base == "" || e.IsDir() {
			continue
		}
		if info, err := e.Info(); err == nil {
			all = append(all, found{joinUnclean(l.dir, base), info.ModTime()})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].mtime.After(all[j].mtime) })
	out := make([]string, len(all))
	for i, f := range all {
		out[i] = f.prefix
	}
	return out, nil
}

func dirOf(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// verifyWhole reads every byte of a checkpoint against its checksums.
func verifyWhole(fsys vfs.FS, prefix string) error {
	dir, base := filepath.Split(prefix)
	r, err := NewReader(vfs.IOFS(fsys, dirOf(dir)), base, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	ctx := context.Background()
	for _, t := range r.Tensors() {
		if err := readWhole(ctx, r, &t); err != nil {
			return err
		}
	}
	return nil
}

func readWhole(ctx context.Context, r *Reader, t *TensorInfo) error {
	if t.DType == dtype.String {
		_, err := r.ReadStrings(ctx, t.Name)
		return err
	}
	if dtype.Size(t.DType) == 0 {
		return nil // A variant, which no restore could take anyway.
	}
	f, err := r.OpenTensor(ctx, t.Name)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, f)
	return errors.Join(err, f.Close())
}

// Mtime returns when a checkpoint was written: the modification time of its
// index, or, for V1, of its file or first shard. There being none is ErrNotFound.
func Mtime(prefix string) (time.Time, error) {
	for _, pattern := range []string{prefix + indexSuffix, prefix} {
		names := vfs.Glob(vfs.OS, pattern)
		if len(names) == 0 {
			continue
		}
		info, err := vfs.OS.Stat(names[0])
		if err != nil {
			return time.Time{}, fileError("stat", names[0], err)
		}
		return info.ModTime(), nil
	}
	return time.Time{}, &Error{Op: "stat", File: prefix, Offset: -1, Err: ErrNotFound}
}
