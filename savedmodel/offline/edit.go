package offline

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// Change changes the graphs of a model in memory, for [Edit].
type Change func(*graphdef.SavedModel) error

// Edit applies changes, in order, to the model in the folder path, and replaces its graph
// file in one step. Variables and assets stay as they are; an existing manifest is
// updated. If a change fails, Edit writes nothing.
//
// If no graph has exactly the given tags, or if a signature does not exist, the error is a
// tfkeep.ErrNotFound. In all changes, an empty list of tags selects the only graph.
func Edit(ctx context.Context, path string, changes ...Change) error {
	if err := argcheck.Context(ctx, "edit model", path); err != nil {
		return err
	}
	sm, err := graphdef.ReadSavedModel(path)
	if err != nil {
		return err
	}
	for _, change := range changes {
		if change == nil {
			return argcheck.Nil("edit model", path, "Change")
		}
		if err := change(sm); err != nil {
			return inModel("edit model", path, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return editFailed(path, err)
	}
	name, data := modeldir.FilenamePB, []byte(nil)
	if _, err = os.Stat(filepath.Join(path, name)); errors.Is(err, fs.ErrNotExist) {
		name = modeldir.FilenamePBText
		data, err = graphdef.MarshalText(sm)
	} else {
		data, err = graphdef.MarshalBinary(sm)
	}
	if err != nil {
		return inModel("edit model", path, err)
	}
	updateManifest, err := modeldir.UpdateManifest(path)
	if err != nil {
		return editFailed(path, err)
	}
	if err := modeldir.Replace(path, name, data); err != nil {
		return editFailed(path, err)
	}
	if err := updateManifest(ctx); err != nil {
		return editFailed(path, err)
	}
	return nil
}

// KeepTags removes all graphs except those with exactly one of the given lists of tags.
func KeepTags(lists ...[]string) Change {
	return func(sm *graphdef.SavedModel) error {
		var kept []*graphdef.MetaGraphDef
		for _, tags := range lists {
			mg, err := graphToEdit(sm, tags)
			if err != nil {
				return err
			}
			if !slices.Contains(kept, mg) {
				kept = append(kept, mg)
			}
		}
		if len(kept) == 0 {
			return editError("", "a model must have a graph; name the tags of the graphs to keep")
		}
		sm.MetaGraphs = kept
		return nil
	}
}

// graphToEdit is graphdef.FindMetaGraph, but for a change of one of several graphs the tags
// have to be given, unless a graph has none.
func graphToEdit(sm *graphdef.SavedModel, tags []string) (*graphdef.MetaGraphDef, error) {
	mg, err := graphdef.FindMetaGraph(sm, tags)
	if err != nil || len(tags) > 0 || len(sm.GetMetaGraphs()) == 1 || len(mg.GetMetaInfoDef().GetTags()) == 0 {
		return mg, err
	}
	var sets []string
	for _, other := range sm.GetMetaGraphs() {
		sets = append(sets, modeldir.TagSet(other.GetMetaInfoDef().GetTags()))
	}
	return nil, &tfkeep.Error{Op: "edit model", Err: tfkeep.ErrNotFound,
		Detail: "name the tags of the graph to change; the SavedModel has " + strings.Join(sets, ", ")}
}

// Retag replaces the tags of one graph: from are its present tags, to the new ones. No
// other graph may have the tags to.
func Retag(from, to []string) Change {
	return func(sm *graphdef.SavedModel) error {
		mg, err := graphToEdit(sm, from)
		if err != nil {
			return err
		}
		for _, other := range sm.GetMetaGraphs() {
			if other != mg && modeldir.TagSet(other.GetMetaInfoDef().GetTags()) == modeldir.TagSet(to) {
				return editError("", "another graph has the tags "+modeldir.TagSet(to))
			}
		}
		if mg.MetaInfoDef == nil {
			mg.MetaInfoDef = &graphdef.MetaInfoDef{}
		}
		mg.MetaInfoDef.Tags = slices.Clone(to)
		return nil
	}
}

// SetSignature adds or replaces a signature of the graph with the given tags. inputs and
// outputs are as in [Options]. The types come from the definitions of the operations, the
// shapes from what the graph records: unknown if it does not.
func SetSignature(tags []string, key string, inputs, outputs map[string]string) Change {
	return func(sm *graphdef.SavedModel) error {
		mg, err := graphToEdit(sm, tags)
		if err != nil {
			return err
		}
		if err := checkKey(key); err != nil {
			return err
		}
		sig, err := describeSignature("edit model", mg.GraphDef, inputs, outputs)
		if err != nil {
			return err
		}
		setSignature(mg, key, sig)
		return nil
	}
}

// RemoveSignature removes a signature of the graph with the given tags.
func RemoveSignature(tags []string, key string) Change {
	return func(sm *graphdef.SavedModel) error {
		mg, err := graphWithSignature(sm, tags, key)
		if err == nil {
			delete(mg.SignatureDef, key)
		}
		return err
	}
}

// RenameSignature changes the key of a signature of the graph with the given tags. The
// new key must not be in use.
func RenameSignature(tags []string, from, to string) Change {
	return func(sm *graphdef.SavedModel) error {
		mg, err := graphWithSignature(sm, tags, from)
		if err != nil {
			return err
		}
		if err := checkKey(to); err != nil {
			return err
		}
		if mg.SignatureDef[to] != nil {
			return editError(to, "the graph already has a signature with this key")
		}
		mg.SignatureDef[to] = mg.SignatureDef[from]
		delete(mg.SignatureDef, from)
		return nil
	}
}

func checkKey(key string) error {
	if key == "" {
		return editError("", "a signature must have a key")
	}
	if modeldir.IsReserved(key) {
		return editError(key, "this key is reserved")
	}
	return nil
}

func graphWithSignature(sm *graphdef.SavedModel, tags []string, key string) (*graphdef.MetaGraphDef, error) {
	mg, err := graphToEdit(sm, tags)
	if err != nil {
		return nil, err
	}
	if mg.SignatureDef[key] == nil {
		have := "the graph has none"
		if len(mg.SignatureDef) > 0 {
			have = "the graph has " + strings.Join(slices.Sorted(maps.Keys(mg.SignatureDef)), ", ")
		}
		return nil, &tfkeep.Error{Op: "edit model", Item: "signature", Name: key, Err: tfkeep.ErrNotFound, Detail: have}
	}
	return mg, nil
}

// editError is a change that cannot be made; key is the signature, or "".
func editError(key, detail string) error {
	e := &tfkeep.Error{Op: "edit model", Err: tfkeep.ErrArgument, Detail: detail}
	if key != "" {
		e.Item, e.Name = "signature", key
	}
	return e
}

func editFailed(path string, cause error) error {
	return &tfkeep.Error{Op: "edit model", Path: path, Cause: cause}
}

// inModel returns err with the model's path. If err is not a *tfkeep.Error without a path
// itself, it becomes the cause of one.
func inModel(op, path string, err error) error {
	e, ok := err.(*tfkeep.Error) //nolint:errorlint // only err itself gets the path
	if !ok || e.Path != "" {
		return &tfkeep.Error{Op: op, Path: path, Cause: err}
	}
	placed := *e
	placed.Path = path
	return &placed
}
