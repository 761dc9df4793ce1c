package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// savedModel checks a SavedModel: its graphs, then its variables.
func (r *run) savedModel(folder string) bool {
	report := &Report{Path: folder, Kind: SavedModel}
	model, err := graphdef.ReadSavedModel(folder)
	if err != nil {
		report.fault(err)
	} else {
		report.checkModel(r.ctx, model, folder, r.opts.Limits)
	}
	differences, _, err := modeldir.CheckManifest(r.ctx, vfs.IOFS(vfs.OS, folder))
	if err != nil {
		return r.fail(err)
	}
	for _, d := range differences {
		report.fault(fmt.Errorf("it differs from its manifest: %s", d))
	}
	values, err := r.values(filenames.SavedModelPrefix(folder))
	switch {
	case errors.Is(err, tfkeep.ErrNotFound):
		if needsVariables(model) {
			report.fault(fmt.Errorf("it has variables, but no values for them: %w", err))
		}
	case err != nil:
		return r.fail(err)
	}
	return r.report(report) && (values == nil || r.report(values)) && r.besideVariables(folder)
}

// besideVariables reports files that belong to no checkpoint of a SavedModel.
func (r *run) besideVariables(folder string) bool {
	prefix := filenames.SavedModelPrefix(folder)
	entries, err := vfs.OS.ReadDir(filepath.Dir(prefix))
	if err != nil {
		return true // the model has no variables
	}
	return r.leftovers(filepath.Dir(prefix), entries, []string{prefix})
}

// needsVariables reports whether a graph restores variables, or has objects that are
// variables. model may be nil.
func needsVariables(model *graphdef.SavedModel) bool {
	return slices.ContainsFunc(model.GetMetaGraphs(), func(mg *graphdef.MetaGraphDef) bool {
		wanted := restoresOf(mg)
		return len(wanted.tensors)+len(wanted.unknown)+len(variableObjects(mg.GetObjectGraphDef())) > 0
	})
}

// checkModel checks the graphs of a SavedModel, and their assets.
func (r *Report) checkModel(ctx context.Context, model *graphdef.SavedModel, folder string, limits *check.Limits) {
	graphs := model.GetMetaGraphs()
	if len(graphs) == 0 {
		r.fault(errors.New("it has no graph"))
	}
	seen := map[string]bool{}
	for _, mg := range graphs {
		tags := slices.Sorted(slices.Values(mg.GetMetaInfoDef().GetTags()))
		if key := strings.Join(tags, "\x00"); seen[key] {
			r.fault(fmt.Errorf("two graphs have the tags %v: only the first can be loaded", tags))
		} else {
			seen[key] = true
		}
		c := &graphChecker{Report: r, limits: limits}
		if len(graphs) > 1 {
			c.where = fmt.Sprintf("graph [%s]: ", strings.Join(tags, " "))
		}
		c.metaGraph(mg)
		c.assets(mg, folder)
		c.tableFiles(mg)
		c.restores(ctx, mg, filenames.SavedModelPrefix(folder))
	}
}

// assets finds asset files that are missing or outside the model.
func (c *graphChecker) assets(mg *graphdef.MetaGraphDef, folder string) {
	root, rootErr := vfs.OpenRoot(filepath.Join(folder, "assets"))
	if rootErr == nil {
		defer root.Close()
	}
	files, err := assetFiles(mg)
	if err != nil {
		c.faultf("%w", err)
	}
	for _, name := range files {
		if !filepath.IsLocal(name) {
			c.faultf("asset %q would be read from outside the model", name)
			continue
		}
		err := rootErr
		var info fs.FileInfo
		if err == nil {
			info, err = root.Stat(name)
		}
		if err != nil {
			c.faultf("asset %q is missing: %w", name, err)
		} else if err := vfs.CheckRegular(filepath.Join(folder, "assets", name), info); err != nil {
			c.fault(err)
		}
	}
}

// tableFiles finds tables that are filled from a file which is not part of the model, also if no
// init op fills them: the model then cannot be served on another machine.
func (c *graphChecker) tableFiles(mg *graphdef.MetaGraphDef) {
	plan, err := safety.NewPlan(mg)
	if err != nil {
		return // refused has reported it
	}
	known := map[string]bool{}
	for _, f := range plan.Findings(nil) {
		known[f.Node] = true
	}
	fill := &safety.Run{Stage: "initialization", Doing: "filling the tables"}
	for _, a := range plan.Assets() {
		fill.Assets = append(fill.Assets, a.GetTensorInfo().GetName())
	}
	for _, n := range mg.GetGraphDef().GetNode() {
		if verdict, _ := safety.Lookup(n.GetOp()); verdict == safety.Asset && !known[n.GetName()] {
			fill.Targets = append(fill.Targets, n.GetName())
		}
	}
	var found *safety.Error
	if len(fill.Targets) == 0 || !errors.As(fill.Check(mg.GetGraphDef()), &found) {
		return
	}
	for _, f := range found.Findings {
		c.faultf("table file: %s; export the model with its assets: %w", f, tfkeep.ErrNotFound)
	}
}

// assetFiles returns the names of a graph's assets. They are in a field or, in most models
// of TensorFlow 1, in a collection.
func assetFiles(mg *graphdef.MetaGraphDef) ([]string, error) {
	var names []string
	for _, a := range mg.GetAssetFileDef() {
		names = append(names, a.GetFilename())
	}
	for _, packed := range mg.GetCollectionDef()[modeldir.AssetsCollection].GetAnyList().GetValue() {
		a := &pb.AssetFileDef{}
		if err := packed.UnmarshalTo(a); err != nil {
			return names, fmt.Errorf("collection %q has an item that is not an asset: %w", modeldir.AssetsCollection, err)
		}
		if !slices.Contains(names, a.GetFilename()) {
			names = append(names, a.GetFilename())
		}
	}
	return names, nil
}
