package savedmodel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/nearest"
	"github.com/tfkeep/tfkeep/tf"
)

// Predict runs a signature: inputs and outputs by the names that it gives them.
// Names, types and shapes are checked before anything runs. The results are
// the caller's to tf.Release.
func (m *Model) Predict(ctx context.Context, key string, inputs map[string]*tf.Tensor) (map[string]*tf.Tensor, error) {
	sig := m.MetaGraphDef.SignatureDef[key]
	if sig == nil || key == signature.InitOpKey || key == signature.TrainOpKey {
		keys := slices.Sorted(maps.Keys(m.Signatures()))
		text := "the model has " + strings.Join(keys, ", ")
		if len(keys) == 0 {
			text = "the model has none"
		}
		return nil, fmt.Errorf("%w: no signature %q; %s", ErrSignature, key, text)
	}
	feeds, err := m.feeds(key, sig, inputs)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(sig.Outputs))
	fetches := make([]tf.Output, len(names))
	for i, name := range names {
		if fetches[i], err = TensorFromInfo(m.Graph(), sig.Outputs[name], m.scope); err != nil {
			return nil, fmt.Errorf("output %q of %q: %w", name, key, err)
		}
	}
	got, err := m.sess.Run(ctx, feeds, fetches, nil)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: signature %q: %w", key, err)
	}
	out := make(map[string]*tf.Tensor, len(names))
	for i, name := range names {
		out[name] = got[i]
	}
	return out, nil
}

// feeds checks the inputs against the signature, and lists all that is wrong.
func (m *Model) feeds(key string, sig *signature.SignatureDef, inputs map[string]*tf.Tensor) (map[tf.Output]*tf.Tensor, error) {
	var faults []string
	feeds := make(map[tf.Output]*tf.Tensor, len(inputs))
	for _, name := range slices.Sorted(maps.Keys(sig.Inputs)) {
		info := sig.Inputs[name]
		t := inputs[name]
		if t == nil {
			faults = append(faults, fmt.Sprintf("input %q is missing", name))
			continue
		}
		if fault := mismatch(info, t); fault != "" {
			faults = append(faults, fmt.Sprintf("input %q: %s", name, fault))
			continue
		}
		out, err := TensorFromInfo(m.Graph(), info, m.scope)
		if err != nil {
			faults = append(faults, fmt.Sprintf("input %q: %v", name, err))
			continue
		}
		feeds[out] = t
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if sig.Inputs[name] == nil {
			fault := fmt.Sprintf("there is no input %q", name)
			if near := nearest.Names(name, slices.Sorted(maps.Keys(sig.Inputs)), 1); len(near) > 0 {
				fault += fmt.Sprintf(" (did you mean %q?)", near[0])
			}
			faults = append(faults, fault)
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w %q: %s", ErrSignature, key, strings.Join(faults, "; "))
	}
	return feeds, nil
}

// mismatch tells how a tensor differs from what is wanted, "" if it does not.
func mismatch(info *signature.TensorInfo, t *tf.Tensor) string {
	// Models of 2016 say neither type nor shape; then TensorFlow checks.
	if want := tf.DataType(info.Dtype); want != 0 && want != t.DataType() {
		return fmt.Sprintf("it is %s and not %s", dtype.Name(signature.DataType(t.DataType())), dtype.Name(info.Dtype))
	}
	shape := info.GetTensorShape()
	if shape == nil || shape.UnknownRank {
		return ""
	}
	want := make([]string, len(shape.Dim))
	same := len(want) == len(t.Shape())
	for i, d := range shape.Dim {
		want[i] = "?"
		if d.Size >= 0 {
			want[i] = fmt.Sprint(d.Size)
			same = same && t.Shape()[i] == d.Size
		}
	}
	if same {
		return ""
	}
	return fmt.Sprintf("its shape is %v and not [%s]", t.Shape(), strings.Join(want, " "))
}
