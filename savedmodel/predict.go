package savedmodel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/tf"
)

// Predict runs the signature with the given key. The inputs and outputs have the names
// that the signature gives them. A sparse value "x" is given and returned in its parts
// "x/values", "x/indices" and "x/dense_shape", and a composite one, such as a ragged tensor,
// in its components "x/0" (the values), "x/1" (the outermost row splits), and so on. An input
// that is missing has its default value, if the signature has one. Predict checks names, types
// and shapes before it runs anything: the error is tfkeep.ErrNotFound if the model has no such
// signature, and tfkeep.ErrArgument with everything that is wrong if the inputs do not fit.
// Free the results with tf.Release. A program that runs a signature many times prepares it
// with [Model.Signature].
func (m *Model) Predict(ctx context.Context, key string, inputs map[string]*tf.Tensor) (map[string]*tf.Tensor, error) {
	const op = "predict"
	c, err := m.bind(ctx, op, key)
	if err != nil {
		return nil, err
	}
	feeds, faults := feedsOf(c.in, inputs, c.defaults)
	if len(faults) > 0 {
		return nil, signatureError(op, key, tfkeep.ErrArgument, strings.Join(faults, "; "))
	}
	got, err := m.Session.Run(ctx, feeds, outputsOf(c.out), nil, nil)
	if err != nil {
		return nil, causedBy(op, key, "", err)
	}
	results := make(map[string]*tf.Tensor, len(c.out))
	for i, p := range c.out {
		results[p.name] = got[i]
	}
	return results, nil
}

// feedsOf checks the inputs against the ports of a signature. It returns the feeds, and a list
// of everything that is wrong.
func feedsOf(ports []port, inputs, defaults map[string]*tf.Tensor) (feeds map[tf.Output]*tf.Tensor, faults []string) {
	feeds = make(map[tf.Output]*tf.Tensor, len(inputs))
	for _, p := range ports {
		t := inputs[p.name]
		if t == nil {
			t = defaults[p.name]
		}
		if t == nil {
			faults = append(faults, fmt.Sprintf("input %q is missing", p.name))
			continue
		}
		if fault := mismatch(p.info, t); fault != "" {
			faults = append(faults, fmt.Sprintf("input %q: %s", p.name, fault))
			continue
		}
		feeds[p.out] = t
	}
	names := portNames(ports)
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if !slices.Contains(names, name) {
			faults = append(faults, unknownName("input", name, names))
		}
	}
	return feeds, faults
}
