package savedmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/tf"
)

// PredictSignature returns the signature of a model with arbitrary inputs and outputs.
// It needs at least one of each. Package signature makes the other kinds of signatures
// from the results of [TensorInfo].
func PredictSignature(inputs, outputs map[string]tf.Output) (*graphdef.SignatureDef, error) {
	in, err := tensorInfos(inputs)
	if err != nil {
		return nil, err
	}
	out, err := tensorInfos(outputs)
	if err != nil {
		return nil, err
	}
	return signature.Predict(in, out)
}

// tensorInfos describes named tensors of a graph for a signature.
func tensorInfos(tensors map[string]tf.Output) (map[string]*graphdef.TensorInfo, error) {
	infos := make(map[string]*graphdef.TensorInfo, len(tensors))
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		info, err := describe(name, tensors[name])
		if err != nil {
			return nil, err
		}
		infos[name] = info
	}
	return infos, nil
}

// FindOperation returns the operation that a signature stands for: one that
// signature.ForOperation has made with this key. scope is the scope that the graph was
// imported into, or "".
func FindOperation(g *tf.Graph, sig *graphdef.SignatureDef, key, scope string) (*tf.Operation, error) {
	name := sig.GetOutputs()[key].GetName()
	if name == "" {
		return nil, &tfkeep.Error{Op: "find operation", Err: tfkeep.ErrNotFound, Detail: fmt.Sprintf("the signature names no operation %q", key)}
	}
	op := findOperation(g, name, scope)
	if op == nil {
		return nil, &tfkeep.Error{Op: "find operation", Item: "operation", Name: namescope.Prepend(name, scope), Err: tfkeep.ErrNotFound}
	}
	return op, nil
}

// findOperation returns the operation that a signature or collection names, or nil.
// TensorFlow 2 names an output of the operation.
func findOperation(g *tf.Graph, name, scope string) *tf.Operation {
	node, _, _ := strings.Cut(namescope.Prepend(name, scope), ":")
	return g.Operation(node)
}
