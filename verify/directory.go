package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/locknote"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// directory checks a directory of checkpoints, or of SavedModels by version.
func (r *run) directory(folder string) bool {
	entries, err := vfs.OS.ReadDir(folder)
	if err != nil {
		return r.fail(&tfkeep.Error{Op: "verify", Path: folder, Cause: err})
	}
	prefixes, ok := r.stateFile(folder, dir.DefaultLatestFilename, contains(entries, dir.DefaultLatestFilename))
	if !ok {
		return false
	}
	for _, prefix := range prefixes {
		if !r.checkpoint(prefix) {
			return false
		}
	}
	for _, e := range entries {
		if sub := filepath.Join(folder, e.Name()); e.IsDir() && modeldir.IsSavedModel(sub) && !r.savedModel(sub) {
			return false
		}
	}
	if r.reports == 0 {
		why := "the directory has no checkpoint and no SavedModel"
		if others := modeldir.Others(vfs.IOFS(vfs.OS, folder)); others != "" {
			why += "; " + others
		}
		return r.nothing(folder, why)
	}
	return r.leftovers(folder, entries, prefixes)
}

func contains(entries []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name && !e.IsDir() })
}

// stateFile checks the state file, if it exists: whether it can be read, and whether the
// checkpoints that it names exist. It returns the prefixes of the checkpoints in the folder.
func (r *run) stateFile(folder, name string, exists bool) (prefixes []string, ok bool) {
	report := &Report{Path: filepath.Join(folder, name), Kind: StateFile}
	list, err := dir.List(r.ctx, folder, &dir.ListOptions{LatestFilename: name, PreferFolder: true})
	switch {
	case r.ctx.Err() != nil:
		return nil, r.fail(r.ctx.Err())
	case err != nil:
		report.fault(err)
		if list, err = dir.List(r.ctx, folder, &dir.ListOptions{LatestFilename: name, IgnoreState: true}); err != nil {
			return nil, r.fail(err)
		}
	case exists:
		if _, err := dir.Latest(r.ctx, folder, &dir.LatestOptions{LatestFilename: name}); err != nil {
			report.fault(err)
		}
	}
	for i, c := range list {
		switch {
		case c.Version == 0 && i > 0:
			report.note(fmt.Errorf("it lists %s, which is gone", c.Prefix))
		case c.Version != 0 && filepath.Dir(c.Prefix) == filepath.Clean(folder):
			prefixes = append(prefixes, filenames.Clean(c.Prefix))
		}
	}
	slices.Sort(prefixes)
	return prefixes, !exists || r.report(report)
}

// isStateFile reports whether a file is a state file, by its content.
func (r *run) isStateFile(path string) bool {
	_, err := dir.ReadState(r.ctx, filepath.Dir(path), &dir.StateOptions{LatestFilename: filepath.Base(path)})
	return err == nil || filepath.Base(path) == dir.DefaultLatestFilename && !isFile(filenames.Index(path))
}

// stateAlone checks a state file that was named itself, and the checkpoints that it names.
func (r *run) stateAlone(path string) bool {
	folder, name := filepath.Dir(path), filepath.Base(path)
	if _, ok := r.stateFile(folder, name, true); !ok {
		return false
	}
	state, err := dir.List(r.ctx, folder, &dir.ListOptions{LatestFilename: name, PreferFolder: true})
	if err != nil {
		return true // reported
	}
	for _, c := range state {
		if c.Listed && c.Version != 0 && !r.checkpoint(filenames.Clean(c.Prefix)) {
			return false
		}
	}
	return true
}

// leftovers reports files and folders that belong to no checkpoint.
func (r *run) leftovers(folder string, entries []fs.DirEntry, prefixes []string) bool {
	totals := r.shardTotals(prefixes)
	for _, e := range entries {
		reason := ""
		if e.IsDir() {
			reason = leftoverDir(filepath.Join(folder, e.Name()))
		} else {
			reason = r.leftover(folder, e.Name(), prefixes, totals)
		}
		if reason == "" {
			continue
		}
		report := &Report{Path: filepath.Join(folder, e.Name()), Kind: Leftover}
		report.note(errors.New(reason))
		if !r.report(report) {
			return false
		}
	}
	return true
}

// shardTotals returns the number of shards of each checkpoint, as its index has it.
func (r *run) shardTotals(prefixes []string) map[string]int {
	totals := map[string]int{}
	for _, prefix := range prefixes {
		c, err := checkpoint.Open(r.ctx, prefix, nil)
		if err != nil {
			continue // its own report says why
		}
		for _, file := range c.Files() {
			if _, _, total, ok := filenames.ParseData(file); ok {
				totals[prefix] = total
			}
		}
		_ = c.Close()
	}
	return totals
}

// leftoverDir returns why a folder was left behind: a Saver with several shards, and one of
// TensorFlow 2, write into a folder beside the checkpoint and then move the files.
func leftoverDir(folder string) string {
	if !filenames.IsShardsDir(filepath.Base(folder)) {
		return ""
	}
	entries, err := vfs.OS.ReadDir(folder)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if !filenames.IsShardsFile(e.Name()) {
			return "" // a folder of something else
		}
	}
	return "the folder of a save that did not finish, or is still at work"
}

// leftover returns why a file belongs to no checkpoint, "" if it may belong to one.
func (r *run) leftover(folder, name string, prefixes []string, totals map[string]int) string {
	_, isTemp := filenames.ParseTemp(name)
	_, isLock := filenames.ParseLock(name)
	if isLock && locknote.AnnouncesNothing(vfs.OS, filepath.Join(folder, name)) {
		return ""
	}
	if isTemp || isLock || filenames.IsTensorFlowTemp(name) {
		return "left by a save that did not finish, or is still at work"
	}
	owned := func(base string) bool { return slices.Contains(prefixes, filenames.Join(folder, base)) }
	if base, _, _, ok := filenames.ParseData(name); ok && !owned(base) {
		return "values without an index: a save that did not finish, or a deletion"
	}
	if base, _, total, ok := filenames.ParseData(name); ok {
		if want := totals[filenames.Join(folder, base)]; want > 0 && total != want {
			return fmt.Sprintf("values of another save: its checkpoint has %d data files, this is one of %d", want, total)
		}
	}
	if base, ok := filenames.ParseMetaGraph(name); ok && !owned(base) && !dir.Exists(r.ctx, filenames.Join(folder, base)) {
		return "a meta graph whose checkpoint is gone"
	}
	return ""
}
