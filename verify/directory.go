package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// directory looks at a directory of checkpoints, or of SavedModels by version.
func (r *run) directory(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	visited := 0
	visit := r.visit
	r.visit = func(i *Item) error { visited++; return visit(i) }
	prefixes := checkpointsIn(dir, entries)
	if contains(entries, checkpoint.DefaultLatestFilename) {
		state, err := r.stateFile(dir)
		if err != nil {
			return err
		}
		prefixes = withNamed(prefixes, dir, state)
	}
	for _, prefix := range prefixes {
		if err := r.checkpointAt(prefix); err != nil && !errors.Is(err, ErrNothing) {
			return err
		}
	}
	for _, e := range entries {
		if sub := filepath.Join(dir, e.Name()); e.IsDir() && modeldir.IsSavedModel(sub) {
			if err := r.savedModel(sub); err != nil {
				return err
			}
		}
	}
	if visited == 0 {
		return fmt.Errorf("verify: %s: %w: the directory has no checkpoint and no SavedModel", dir, ErrNothing)
	}
	return r.leftovers(dir, entries, prefixes)
}

func contains(entries []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name && !e.IsDir() })
}

// checkpointsIn lists the prefixes of a directory's V2 checkpoints.
func checkpointsIn(dir string, entries []fs.DirEntry) []string {
	var prefixes []string
	for _, e := range entries {
		if base, ok := strings.CutSuffix(e.Name(), ".index"); ok && base != "" && !e.IsDir() {
			prefixes = append(prefixes, filepath.Join(dir, base))
		}
	}
	return prefixes
}

// withNamed adds the checkpoints in the directory that only the state file
// tells to be some: V1's.
func withNamed(prefixes []string, dir string, state *checkpoint.State) []string {
	if state == nil {
		return prefixes
	}
	for _, path := range append([]string{state.ModelCheckpointPath}, state.AllModelCheckpointPaths...) {
		here := filepath.Join(dir, filepath.Base(path))
		if !slices.Contains(prefixes, here) && checkpoint.Exists(here) {
			prefixes = append(prefixes, here)
		}
	}
	return prefixes
}

// stateFile looks at the state file: can it be read, is what it names there?
func (r *run) stateFile(dir string) (*checkpoint.State, error) {
	item := &Item{Path: filepath.Join(dir, checkpoint.DefaultLatestFilename), Kind: StateFile}
	state, err := checkpoint.ReadState(dir, "")
	if err != nil {
		item.fault(err)
		return nil, r.visit(item)
	}
	if _, err := checkpoint.Latest(dir, nil); err != nil {
		item.fault(err)
	}
	for _, path := range state.AllModelCheckpointPaths {
		if path != state.ModelCheckpointPath && !checkpoint.Exists(path) &&
			!checkpoint.Exists(filepath.Join(dir, filepath.Base(path))) {
			item.harmless(fmt.Errorf("it lists %s, which is gone", path))
		}
	}
	return state, r.visit(item)
}

var (
	dataFile   = regexp.MustCompile(`^(.+)\.data-[0-9]{5,}-of-[0-9]{5,}$`)
	unfinished = regexp.MustCompile(`\.tempstate[0-9]+$|\.tmp[0-9a-f]{32}$|\.tfkeep-lock$`)
)

// leftovers looks for files that belong to no checkpoint.
func (r *run) leftovers(dir string, entries []fs.DirEntry, prefixes []string) error {
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		item := &Item{Path: path, Kind: Leftover}
		owner := func(base string) bool { return slices.Contains(prefixes, filepath.Join(dir, base)) }
		switch {
		case e.IsDir():
			continue
		case unfinished.MatchString(e.Name()) || strings.HasSuffix(e.Name(), vfs.TempSuffix):
			item.harmless(errors.New("left by a save that did not finish, or is still at work"))
		case dataFile.MatchString(e.Name()):
			if base := dataFile.FindStringSubmatch(e.Name())[1]; owner(base) {
				continue
			}
			item.harmless(errors.New("values without an index: a save that did not finish, or a deletion"))
		case strings.HasSuffix(e.Name(), ".meta"):
			if base := strings.TrimSuffix(e.Name(), ".meta"); owner(base) || checkpoint.Exists(filepath.Join(dir, base)) {
				continue
			}
			item.harmless(errors.New("a meta graph whose checkpoint is gone"))
		default:
			continue
		}
		if err := r.visit(item); err != nil {
			return err
		}
	}
	return nil
}
