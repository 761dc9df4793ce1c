package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// savedModel looks at a SavedModel: its graphs, then its variables.
func (r *run) savedModel(dir string) error {
	item := &Item{Path: dir, Kind: SavedModel}
	model, err := graphdef.ReadSavedModel(dir)
	if err != nil {
		item.fault(err)
	} else {
		checkSavedModel(r.ctx, item, model, dir)
	}
	faults, _, err := modeldir.CheckManifest(r.ctx, os.DirFS(dir))
	if err != nil {
		return err
	}
	for _, f := range faults {
		item.fault(fmt.Errorf("it differs from its manifest: %s", f))
	}
	variables := filepath.Join(dir, "variables", "variables")
	values, err := r.values(variables)
	switch {
	case errors.Is(err, tfkeep.ErrNotFound):
		if model != nil && needsVariables(model) {
			item.fault(fmt.Errorf("it has variables, but no values for them: %w", err))
		}
	case err != nil:
		return err
	}
	if err := r.visit(item); err != nil || values == nil {
		return err
	}
	return r.visit(values)
}

func needsVariables(m *graphdef.SavedModel) bool {
	return slices.ContainsFunc(m.GetMetaGraphs(), func(mg *graphdef.MetaGraphDef) bool {
		wanted := restores(mg)
		return len(wanted.tensors)+len(wanted.unknown) > 0
	})
}

func checkSavedModel(ctx context.Context, item *Item, model *graphdef.SavedModel, dir string) {
	graphs := model.GetMetaGraphs()
	if len(graphs) == 0 {
		item.fault(errors.New("it has no graph"))
	}
	seen := map[string]bool{}
	for _, mg := range graphs {
		tags := append([]string(nil), mg.GetMetaInfoDef().GetTags()...)
		sort.Strings(tags)
		where := ""
		if len(graphs) > 1 {
			where = fmt.Sprintf("graph [%s]: ", strings.Join(tags, " "))
		}
		if key := strings.Join(tags, "\x00"); seen[key] {
			item.fault(fmt.Errorf("two graphs have the tags %v: only the first can be loaded", tags))
		} else {
			seen[key] = true
		}
		checkGraph(item, mg.GetGraphDef(), where)
		checkNames(item, mg, where)
		if _, err := graphdef.Variables(mg); err != nil {
			item.fault(fmt.Errorf("%s%w", where, err))
		}
		checkAssets(item, mg, dir, where)
		checkRestores(ctx, item, mg, filenames.SavedModelPrefix(dir), where)
	}
}

// checkAssets looks for asset files that are missing or lie elsewhere.
func checkAssets(item *Item, mg *graphdef.MetaGraphDef, dir, where string) {
	assets, err := os.OpenRoot(filepath.Join(dir, "assets"))
	if err == nil {
		defer assets.Close()
	}
	files, listErr := assetFiles(mg)
	if listErr != nil {
		item.fault(fmt.Errorf("%s%w", where, listErr))
	}
	for _, name := range files {
		if !filepath.IsLocal(name) {
			item.fault(fmt.Errorf("%sasset %q would be read from outside the model", where, name))
			continue
		}
		if err != nil {
			item.fault(fmt.Errorf("%sasset %q is missing: %w", where, name, err))
			continue
		}
		if _, err := assets.Stat(name); err != nil {
			item.fault(fmt.Errorf("%sasset %q is missing: %w", where, name, err))
		}
	}
}

// assetFiles lists the names of a graph's assets, by the field for them or, as
// in most models of TensorFlow 1, by a collection.
func assetFiles(mg *graphdef.MetaGraphDef) ([]string, error) {
	var names []string
	for _, a := range mg.GetAssetFileDef() {
		names = append(names, a.GetFilename())
	}
	for _, packed := range mg.GetCollectionDef()[modeldir.AssetsCollection].GetAnyList().GetValue() {
		a := &pb.AssetFileDef{}
		if err := packed.UnmarshalTo(a); err != nil {
			return names, fmt.Errorf("collection %q holds something that is no asset: %w", modeldir.AssetsCollection, err)
		}
		if !slices.Contains(names, a.GetFilename()) {
			names = append(names, a.GetFilename())
		}
	}
	return names, nil
}
