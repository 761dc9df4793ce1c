package savedmodel

import (
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/tf"
)

// Predict makes the signature of a model that takes and gives any tensors.
// There must be at least one of each: [ErrSignature].
func Predict(inputs, outputs map[string]tf.Output) (*signature.SignatureDef, error) {
	in, err := infos(inputs)
	if err != nil {
		return nil, err
	}
	out, err := infos(outputs)
	if err != nil {
		return nil, err
	}
	return signed(signature.Predict(in, out))
}

// Regress makes the signature of a regression: serialised tf.Examples in
// (DT_STRING), one float for each out.
func Regress(examples, predictions tf.Output) (*signature.SignatureDef, error) {
	in, err := optional(examples)
	if err != nil {
		return nil, err
	}
	out, err := optional(predictions)
	if err != nil {
		return nil, err
	}
	return signed(signature.Regress(in, out))
}

// Classify makes the signature of a classification: serialised tf.Examples in
// (DT_STRING), classes (DT_STRING) and scores (DT_FLOAT) out. One of the two
// may be the zero Output.
func Classify(examples, classes, scores tf.Output) (*signature.SignatureDef, error) {
	in, err := optional(examples)
	if err != nil {
		return nil, err
	}
	names, err := optional(classes)
	if err != nil {
		return nil, err
	}
	values, err := optional(scores)
	if err != nil {
		return nil, err
	}
	return signed(signature.Classify(in, names, values))
}

// Train makes the signature of a training step. The loss, or losses, the
// predictions and the metrics are its outputs; any of them may be nil.
func Train(inputs, loss, predictions, metrics map[string]tf.Output) (*signature.SignatureDef, error) {
	return supervised(signature.Train, inputs, loss, predictions, metrics)
}

// Eval makes the signature of an evaluation; see [Train].
func Eval(inputs, loss, predictions, metrics map[string]tf.Output) (*signature.SignatureDef, error) {
	return supervised(signature.Eval, inputs, loss, predictions, metrics)
}

func supervised(sign func(inputs, loss, predictions, metrics map[string]*signature.TensorInfo) (*signature.SignatureDef, error),
	groups ...map[string]tf.Output) (*signature.SignatureDef, error) {
	described := make([]map[string]*signature.TensorInfo, len(groups))
	for i, m := range groups {
		var err error
		if described[i], err = infos(m); err != nil {
			return nil, err
		}
	}
	return signed(sign(described[0], described[1], described[2], described[3]))
}

// OperationSignature stands for one operation, such as an initialiser, under
// the given key.
func OperationSignature(op *tf.Operation, key string) (*signature.SignatureDef, error) {
	if op == nil {
		return nil, fmt.Errorf("%w: no operation", ErrSignature)
	}
	return signature.ForOperation(op.Name(), key), nil
}

// OperationFromSignature finds the operation that a signature of
// [OperationSignature] stands for, in a graph that was imported into the given
// scope ("" for none).
func OperationFromSignature(g *tf.Graph, sig *signature.SignatureDef, key, importScope string) (*tf.Operation, error) {
	info := sig.GetOutputs()[key]
	if info.GetName() == "" {
		return nil, fmt.Errorf("%w: it names no operation %q", ErrSignature, key)
	}
	name := inScope(info.GetName(), importScope)
	node, _, _ := strings.Cut(name, ":") // TensorFlow 2 names an output of it
	op := g.Operation(node)
	if op == nil {
		return nil, fmt.Errorf("%w: The key %q could not be found in the graph: it has no operation %q", ErrSignature, key, name)
	}
	return op, nil
}

func signed(s *signature.SignatureDef, err error) (*signature.SignatureDef, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return s, nil
}

// optional describes a tensor; nil for the zero Output.
func optional(out tf.Output) (*signature.TensorInfo, error) {
	if out.Op == nil {
		return nil, nil
	}
	return TensorInfo(out)
}

func infos(tensors map[string]tf.Output) (map[string]*signature.TensorInfo, error) {
	m := make(map[string]*signature.TensorInfo, len(tensors))
	for name, t := range tensors {
		info, err := TensorInfo(t)
		if err != nil {
			return nil, fmt.Errorf("%w (%q)", err, name)
		}
		m[name] = info
	}
	return m, nil
}
