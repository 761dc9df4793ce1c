package freeze

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// FromCheckpoint plans the freezing of a checkpoint with the meta graph that was saved
// beside it. path is a prefix, a V1 file or pattern, or a directory, which stands for
// its newest checkpoint. Close the plan when it is written.
func FromCheckpoint(ctx context.Context, path string, o *Options) (*Plan, error) {
	if err := argcheck.Context(ctx, "freeze", path); err != nil {
		return nil, err
	}
	r, err := dir.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	meta := dir.MetaGraphPath(r.Prefix(), "")
	mg, err := graphdef.ReadMetaGraphDef(meta, nil)
	if errors.Is(err, tfkeep.ErrNotFound) {
		err = &tfkeep.Error{Op: "freeze", Path: r.Prefix(), Err: tfkeep.ErrNotFound, Cause: err,
			Detail: "no meta graph is beside the checkpoint; give the graph as a file of its own"}
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return fromMetaGraph(ctx, mg, r, o)
}

// FromMetaGraph plans the freezing of a meta graph file, text or binary, with the values
// of a checkpoint.
func FromMetaGraph(ctx context.Context, meta, ckpt string, o *Options) (*Plan, error) {
	if err := argcheck.Context(ctx, "freeze", meta); err != nil {
		return nil, err
	}
	mg, err := graphdef.ReadMetaGraphDef(meta, nil)
	if err != nil {
		return nil, err
	}
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return nil, err
	}
	return fromMetaGraph(ctx, mg, r, o)
}

// FromGraph plans the freezing of a GraphDef file, text or binary, with the values of a
// checkpoint.
func FromGraph(ctx context.Context, graph, ckpt string, o *Options) (*Plan, error) {
	if err := argcheck.Context(ctx, "freeze", graph); err != nil {
		return nil, err
	}
	def, err := graphdef.ReadGraphDef(graph)
	if err != nil {
		return nil, err
	}
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return nil, err
	}
	return fromMetaGraph(ctx, &graphdef.MetaGraphDef{GraphDef: def}, r, o)
}

// FromSavedModel plans the freezing of a graph of a SavedModel, which Options.Tags
// choose; see graphdef.FindMetaGraph.
func FromSavedModel(ctx context.Context, folder string, o *Options) (*Plan, error) {
	if err := argcheck.Context(ctx, "freeze", folder); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Options{}
	}
	sm, err := graphdef.ReadSavedModel(folder)
	if err != nil {
		return nil, err
	}
	mg, err := graphdef.FindMetaGraph(sm, o.Tags)
	if err != nil {
		if e, ok := errors.AsType[*tfkeep.Error](err); ok {
			e.Path = folder
		}
		return nil, err
	}
	withAssets := *o
	o = &withAssets
	if o.model, err = assetsOf(mg, folder); err != nil {
		return nil, err
	}
	prefix := filenames.SavedModelPrefix(folder)
	if !hasVariables(mg.GetGraphDef().GetNode()) && !dir.Exists(ctx, prefix) {
		return fromMetaGraph(ctx, mg, nil, o)
	}
	r, err := checkpoint.Open(ctx, prefix, nil)
	if err != nil {
		return nil, err
	}
	return fromMetaGraph(ctx, mg, r, o)
}

// assetsOf returns the assets of a SavedModel. They are in a field or, in most models of
// TensorFlow 1, in a collection.
func assetsOf(mg *graphdef.MetaGraphDef, folder string) (*modelAssets, error) {
	m := &modelAssets{folder: filepath.Join(folder, modeldir.AssetsDir), assets: map[string]string{}}
	list := slices.Clone(mg.GetAssetFileDef())
	for _, packed := range mg.GetCollectionDef()[modeldir.AssetsCollection].GetAnyList().GetValue() {
		a := &pb.AssetFileDef{}
		if err := packed.UnmarshalTo(a); err != nil {
			return nil, &tfkeep.Error{Op: "freeze", Path: folder, Item: "collection", Name: modeldir.AssetsCollection, Err: tfkeep.ErrCorrupt, Cause: err}
		}
		list = append(list, a)
	}
	for _, a := range list {
		node := nodedef.NodeName(a.GetTensorInfo().GetName())
		if known, ok := m.assets[node]; ok && known != a.GetFilename() {
			return nil, &tfkeep.Error{Op: "freeze", Path: folder, Item: "node", Name: node, Err: tfkeep.ErrCorrupt,
				Detail: "two assets are for this node: " + known + " and " + a.GetFilename()}
		}
		m.assets[node] = a.GetFilename()
	}
	for _, info := range mg.GetSignatureDef()[modeldir.InitOpKey].GetOutputs() {
		m.initOps = append(m.initOps, nodedef.NodeName(info.GetName()))
	}
	for _, key := range []string{modeldir.MainOpCollection, modeldir.LegacyInitCollection} {
		for _, name := range mg.GetCollectionDef()[key].GetNodeList().GetValue() {
			m.initOps = append(m.initOps, nodedef.NodeName(name))
		}
	}
	return m, nil
}

// fromMetaGraph plans the freezing of a meta graph with the values of r, which may be
// nil. The plan closes r; if there is an error, r is closed at once.
func fromMetaGraph(ctx context.Context, mg *graphdef.MetaGraphDef, r *checkpoint.Reader, o *Options) (*Plan, error) {
	completed, err := o.completed(mg)
	if r == nil {
		if err != nil {
			return nil, err
		}
		return newPlan(ctx, mg.GetGraphDef(), nil, completed, mg.GetObjectGraphDef())
	}
	var p *Plan
	if err == nil {
		p, err = newPlan(ctx, mg.GetGraphDef(), r, completed, mg.GetObjectGraphDef())
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	p.closer = r
	return p, nil
}

// completed returns a copy of o with a SaverDef and outputs, if it has none: the saver of
// the meta graph, and the outputs where there is one likely choice.
func (o *Options) completed(mg *graphdef.MetaGraphDef) (*Options, error) {
	c := Options{}
	if o != nil {
		c = *o
	}
	if c.SaverDef == nil {
		c.SaverDef = mg.SaverDef
	}
	if len(c.Outputs) > 0 {
		return &c, nil
	}
	names := SuggestOutputs(mg.GetGraphDef(), mg.SignatureDef)
	switch {
	case len(names) == 0:
		return nil, noOutputs("the graph has no likely ones; name the nodes to keep")
	case len(names) == 1 || len(signatureOutputs(mg.SignatureDef)) > 0:
		c.Outputs = names
		return &c, nil
	case len(names) > maxLikely:
		names = append(names[:maxLikely:maxLikely], "…")
	}
	return nil, noOutputs("likely ones are " + strings.Join(names, ", "))
}

// maxLikely is how many likely outputs an error lists.
const maxLikely = 12
