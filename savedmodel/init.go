package savedmodel

import (
	"context"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/tf"
)

// runInit runs the operation that the model names for its initialization, with the paths
// of its assets. checkSafety has checked what it does.
func (m *Model) runInit(ctx context.Context, files *folder) error {
	feeds, err := m.assetFeeds(files)
	defer func() {
		for _, t := range feeds {
			tf.Release(t)
		}
	}()
	name := m.plan.InitOp()
	if err != nil || name == "" {
		return err
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

// signatureOp returns the name of the operation that the signature of a key stands
// for, or "".
func signatureOp(mg *graphdef.MetaGraphDef, key string) string {
	return mg.SignatureDef[key].GetOutputs()[key].GetName()
}

// assetFeeds returns tensors with the paths of the assets. They must be released, also
// after an error.
func (m *Model) assetFeeds(files *folder) (map[tf.Output]*tf.Tensor, error) {
	feeds := map[tf.Output]*tf.Tensor{}
	for _, def := range m.plan.Assets() {
		path, err := files.asset(def.GetFilename())
		if err != nil {
			return feeds, err
		}
		out, err := m.Graph().OutputByName(namescope.Prepend(def.GetTensorInfo().GetName(), m.Scope))
		if err != nil {
			return feeds, &tfkeep.Error{Op: "load", Path: files.name, Item: "asset", Name: def.GetFilename(), Err: tfkeep.ErrCorrupt, Cause: err}
		}
		t, err := tf.NewTensor(path)
		if err != nil {
			return feeds, loadCause(files.name, "", err)
		}
		feeds[out] = t
	}
	return feeds, nil
}
