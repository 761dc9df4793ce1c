package savedmodel

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/tf"
)

// runInit runs what the model names for its initialisation: the signature of
// TensorFlow 2, the main op, or the legacy init op, whichever is first found.
func (m *Model) runInit(ctx context.Context, files *folder) error {
	feeds, fed, err := m.assetFeeds(files)
	if err != nil {
		return err
	}
	defer func() {
		for _, t := range feeds {
			tf.Release(t)
		}
	}()
	name, err := initOp(m.MetaGraphDef)
	if err != nil || name == "" {
		return err
	}
	if !m.opts.AllowAllOps {
		if err := checkRuns(m.MetaGraphDef.GraphDef, "the model's initialisation", name, fed, m.opts.AllowOps); err != nil {
			return err
		}
	}
	node, _, _ := strings.Cut(inScope(name, m.scope), ":")
	op := m.Graph().Operation(node)
	if op == nil {
		return fmt.Errorf("%w: the graph lacks its init op %q", ErrDamaged, name)
	}
	if _, err := m.sess.Run(ctx, feeds, nil, []*tf.Operation{op}); err != nil {
		return fmt.Errorf("savedmodel: init op %s: %w", name, err)
	}
	return nil
}

// initOp is the name of the operation to run after loading, "" if there is none.
func initOp(mg *graphdef.MetaGraphDef) (string, error) {
	if name := signatureOp(mg, signature.InitOpKey); name != "" {
		return name, nil
	}
	for _, key := range []string{MainOpKey, LegacyInitKey} {
		names := mg.CollectionDef[key].GetNodeList().GetValue()
		if len(names) > 1 {
			return "", fmt.Errorf("%w: Expected exactly one SavedModel init op. Found %d: %s", ErrDamaged, len(names), strings.Join(names, ", "))
		}
		if len(names) == 1 {
			return names[0], nil
		}
	}
	return "", nil
}

// operationOf finds an operation by the key of its signature or of its collection.
func operationOf(mg *graphdef.MetaGraphDef, sigKey, collection string) string {
	if name := signatureOp(mg, sigKey); name != "" {
		return name
	}
	if names := mg.CollectionDef[collection].GetNodeList().GetValue(); len(names) > 0 {
		return names[0]
	}
	return ""
}

func signatureOp(mg *graphdef.MetaGraphDef, key string) string {
	return mg.SignatureDef[key].GetOutputs()[key].GetName()
}

// assetFeeds makes the tensors with the paths of the assets.
func (m *Model) assetFeeds(files *folder) (feeds map[tf.Output]*tf.Tensor, fed map[string]bool, err error) {
	defs, err := assetDefs(m.MetaGraphDef)
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
		if fed[graphdef.NodeName(name)] {
			continue // TensorFlow's own table initializers list their file a second time
		}
		out, err := m.Graph().OutputByName(inScope(name, m.scope))
		if err != nil {
			return feeds, fed, fmt.Errorf("%w: asset %s: %w", ErrDamaged, def.GetFilename(), err)
		}
		t, err := tf.NewTensor(path)
		if err != nil {
			return feeds, fed, fmt.Errorf("savedmodel: asset %s: %w", def.GetFilename(), err)
		}
		feeds[out] = t
		fed[graphdef.NodeName(name)] = true
	}
	return feeds, fed, nil
}

// assetDefs reads the list of assets, from its field or from the collection
// that builders before TensorFlow 2 wrote.
func assetDefs(mg *graphdef.MetaGraphDef) ([]*for_core_protos_go_proto.AssetFileDef, error) {
	if len(mg.AssetFileDef) > 0 {
		return mg.AssetFileDef, nil
	}
	var defs []*for_core_protos_go_proto.AssetFileDef
	for _, a := range mg.CollectionDef[AssetsKey].GetAnyList().GetValue() {
		def := &for_core_protos_go_proto.AssetFileDef{}
		if err := proto.Unmarshal(a.GetValue(), def); err != nil {
			return nil, fmt.Errorf("%w: collection %s: %w", ErrDamaged, AssetsKey, err)
		}
		defs = append(defs, def)
	}
	return defs, nil
}
