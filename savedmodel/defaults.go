package savedmodel

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/tf"
)

// defaultValues has the default values of the inputs of signatures that were needed so far,
// by the key of the signature and the name of the input.
type defaultValues struct {
	sync.Mutex
	tensors map[string]map[string]*tf.Tensor
}

// defaults returns the default values of a signature's inputs. They belong to the model.
func (m *Model) defaults(ctx context.Context, key string) (map[string]*tf.Tensor, error) {
	protos, err := signature.Defaults(m.MetaGraphDef.SignatureDef[key])
	if err != nil || len(protos) == 0 {
		return nil, err
	}
	v := &m.defaultValues
	v.Lock()
	defer v.Unlock()
	if have := v.tensors[key]; have != nil {
		return have, nil
	}
	made, err := constants(ctx, protos)
	if err != nil {
		return nil, err
	}
	if v.tensors == nil {
		v.tensors = map[string]map[string]*tf.Tensor{}
	}
	v.tensors[key] = made
	return made, nil
}

// close releases the values.
func (v *defaultValues) close() {
	v.Lock()
	defer v.Unlock()
	for _, tensors := range v.tensors {
		tf.Release(slices.Collect(maps.Values(tensors))...)
	}
	v.tensors = nil
}

// constants makes tensors of TensorProtos. TensorFlow itself decodes them, as the values of
// Const nodes in a graph of their own, so that every type and every form is right.
func constants(ctx context.Context, protos map[string]*graphdef.TensorProto) (map[string]*tf.Tensor, error) {
	names := slices.Sorted(maps.Keys(protos))
	def := &graphdef.GraphDef{}
	for i, name := range names {
		def.Node = append(def.Node, nodedef.Const("c"+strconv.Itoa(i), protos[name]))
	}
	g := tf.NewGraph()
	if _, err := tf.ImportGraphDef(ctx, g, def, &tf.ImportGraphDefOptions{NoPrefix: true}); err != nil {
		return nil, err
	}
	session, err := tf.NewSession(g, nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	fetches := make([]tf.Output, len(names))
	for i := range names {
		fetches[i] = g.Operation("c" + strconv.Itoa(i)).Output(0)
	}
	got, err := session.Run(ctx, nil, fetches, nil, nil)
	if err != nil {
		return nil, err
	}
	made := map[string]*tf.Tensor{}
	for i, name := range names {
		made[name] = got[i]
	}
	return made, nil
}
