package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// directory looks at a directory of checkpoints, or of SavedModels by version.
func (r *run) directory(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	visited := 0
	visit := r.visit
	r.visit = func(i *Item) error { visited++; return visit(i) }
	prefixes, err := r.stateFile(folder, contains(entries, dir.DefaultLatestFilename))
	if err != nil {
		return err
	}
	for _, prefix := range prefixes {
		if err := r.checkpointAt(prefix); err != nil && !errors.Is(err, ErrNothing) {
			return err
		}
	}
	for _, e := range entries {
		if sub := filepath.Join(folder, e.Name()); e.IsDir() && modeldir.IsSavedModel(sub) {
			if err := r.savedModel(sub); err != nil {
				return err
			}
		}
	}
	if visited == 0 {
		return fmt.Errorf("verify: %s: %w: the directory has no checkpoint and no SavedModel", folder, ErrNothing)
	}
	return r.leftovers(folder, entries, prefixes)
}

func contains(entries []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name && !e.IsDir() })
}

// stateFile looks at the state file: can it be read, and does what it names exist? It
// returns the prefixes of the checkpoints in the folder.
func (r *run) stateFile(folder string, exists bool) ([]string, error) {
	list, err := dir.List(r.ctx, folder, &dir.ListOptions{PreferFolder: true})
	item := &Item{Path: filepath.Join(folder, dir.DefaultLatestFilename), Kind: StateFile}
	switch {
	case r.ctx.Err() != nil:
		return nil, r.ctx.Err()
	case err != nil:
		item.fault(err)
		if list, err = dir.List(r.ctx, folder, &dir.ListOptions{IgnoreState: true}); err != nil {
			return nil, err
		}
	case exists:
		if _, err := dir.Latest(r.ctx, folder, nil); err != nil {
			item.fault(err)
		}
	}
	var prefixes []string
	for i, c := range list {
		switch {
		case c.Version == 0 && i > 0:
			item.harmless(fmt.Errorf("it lists %s, which is gone", c.Prefix))
		case c.Version != 0 && filepath.Dir(c.Prefix) == filepath.Clean(folder):
			prefixes = append(prefixes, filepath.Clean(c.Prefix))
		}
	}
	slices.Sort(prefixes)
	if !exists {
		return prefixes, nil
	}
	return prefixes, r.visit(item)
}

// leftovers looks for files that belong to no checkpoint.
func (r *run) leftovers(folder string, entries []fs.DirEntry, prefixes []string) error {
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		reason := r.leftover(folder, e.Name(), prefixes)
		if reason == "" {
			continue
		}
		item := &Item{Path: filepath.Join(folder, e.Name()), Kind: Leftover}
		item.harmless(errors.New(reason))
		if err := r.visit(item); err != nil {
			return err
		}
	}
	return nil
}

// leftover returns why a file belongs to no checkpoint; "" if it may belong to one.
func (r *run) leftover(folder, name string, prefixes []string) string {
	_, isTemp := filenames.ParseTemp(name)
	_, isLock := filenames.ParseLock(name)
	if isTemp || isLock || filenames.IsTensorFlowTemp(name) {
		return "left by a save that did not finish, or is still at work"
	}
	owned := func(base string) bool { return slices.Contains(prefixes, filepath.Join(folder, base)) }
	if base, _, _, ok := filenames.ParseData(name); ok && !owned(base) {
		return "values without an index: a save that did not finish, or a deletion"
	}
	if base, ok := filenames.ParseMetaGraph(name); ok && !owned(base) && !dir.Exists(r.ctx, filepath.Join(folder, base)) {
		return "a meta graph whose checkpoint is gone"
	}
	return ""
}
