package savedmodel

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/tf"
)

// runInit runs the operation that the model names for its initialization: the
// signature of TensorFlow 2, the main op, or the legacy init op, whichever it finds
// first.
func (m *Model) runInit(ctx context.Context, files *folder) error {
	feeds, fed, err := m.assetFeeds(files)
	defer func() {
		for _, t := range feeds {
			tf.Release(t)
		}
	}()
	if err != nil {
		return err
	}
	name, err := initOp(files.name, m.MetaGraphDef)
	if err != nil || name == "" {
		return err
	}
	if !m.opts.AllowAllOps {
		if err := checkRuns(files.name, m.MetaGraphDef.GraphDef, "initializing the model", name, fed, m.opts.AllowOps); err != nil {
			return err
		}
	}
	op := findOperation(m.Graph(), name, m.Scope)
	if op == nil {
		return loadError(files.name, tfkeep.ErrCorrupt, "the graph lacks its init op %q", name)
	}
	if _, err := m.Session.Run(ctx, feeds, nil, []*tf.Operation{op}, nil); err != nil {
		return &tfkeep.Error{Op: "load", Path: files.name, Item: "init op", Name: name, Cause: err}
	}
	return nil
}

// initOp returns the name of the operation to run after loading, or "".
func initOp(dir string, mg *graphdef.MetaGraphDef) (string, error) {
	if name := signatureOp(mg, modeldir.InitOpKey); name != "" {
		return name, nil
	}
	for _, key := range []string{modeldir.MainOpCollection, modeldir.LegacyInitCollection} {
		names := mg.CollectionDef[key].GetNodeList().GetValue()
		if len(names) > 1 {
			return "", loadError(dir, tfkeep.ErrCorrupt, "collection %s has %d init ops instead of one: %s", key, len(names), strings.Join(names, ", "))
		}
		if len(names) == 1 {
			return names[0], nil
		}
	}
	return "", nil
}

// signatureOp returns the name of the operation that the signature of a key stands
// for, or "".
func signatureOp(mg *graphdef.MetaGraphDef, key string) string {
	return mg.SignatureDef[key].GetOutputs()[key].GetName()
}

// assetFeeds returns tensors with the paths of the assets, and the names of the nodes
// that they are fed to. The feeds must be released, also after an error.
func (m *Model) assetFeeds(files *folder) (feeds map[tf.Output]*tf.Tensor, fed map[string]bool, err error) {
	defs, err := assetDefs(files.name, m.MetaGraphDef)
	if err != nil {
		return nil, nil, err
	}
	feeds, fed = map[tf.Output]*tf.Tensor{}, map[string]bool{}
	for _, def := range defs {
		path, err := files.asset(def.GetFilename())
		if err != nil {
			return feeds, fed, err
		}
		name := def.GetTensorInfo().GetName()
		if fed[nodedef.NodeName(name)] {
			continue // TensorFlow's table initializers list their file a second time
		}
		out, err := m.Graph().OutputByName(namescope.Prepend(name, m.Scope))
		if err != nil {
			return feeds, fed, &tfkeep.Error{Op: "load", Path: files.name, Item: "asset", Name: def.GetFilename(), Err: tfkeep.ErrCorrupt, Cause: err}
		}
		t, err := tf.NewTensor(path)
		if err != nil {
			return feeds, fed, loadCause(files.name, "", err)
		}
		feeds[out] = t
		fed[nodedef.NodeName(name)] = true
	}
	return feeds, fed, nil
}

// assetDefs returns the assets of a graph, from their field or from the collection
// that builders before TensorFlow 2 write.
func assetDefs(dir string, mg *graphdef.MetaGraphDef) ([]*for_core_protos_go_proto.AssetFileDef, error) {
	if len(mg.AssetFileDef) > 0 {
		return mg.AssetFileDef, nil
	}
	var defs []*for_core_protos_go_proto.AssetFileDef
	for _, a := range mg.CollectionDef[modeldir.AssetsCollection].GetAnyList().GetValue() {
		def := &for_core_protos_go_proto.AssetFileDef{}
		if err := proto.Unmarshal(a.GetValue(), def); err != nil {
			return nil, &tfkeep.Error{Op: "load", Path: dir, Item: "collection", Name: modeldir.AssetsCollection, Err: tfkeep.ErrCorrupt, Cause: err}
		}
		defs = append(defs, def)
	}
	return defs, nil
}
