package savedmodel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/nearest"
	"github.com/tfkeep/tfkeep/tf"
)

// Predict runs the signature with the given key. The inputs and outputs have the names
// that the signature gives them. An input that is missing has its default value, if the
// signature has one. Predict checks names, types and shapes before it runs
// anything: the error is tfkeep.ErrNotFound if the model has no such signature, and
// tfkeep.ErrArgument with everything that is wrong if the inputs do not fit. Free the
// results with tf.Release.
func (m *Model) Predict(ctx context.Context, key string, inputs map[string]*tf.Tensor) (map[string]*tf.Tensor, error) {
	if ctx == nil {
		return nil, &tfkeep.Error{Op: "predict", Item: "signature", Name: key, Err: tfkeep.ErrArgument, Detail: "the context is nil"}
	}
	sig := m.MetaGraphDef.SignatureDef[key]
	fail := func(kind error, detail string, cause error) error {
		return &tfkeep.Error{Op: "predict", Item: "signature", Name: key, Err: kind, Detail: detail, Cause: cause}
	}
	if sig == nil || modeldir.IsReserved(key) {
		detail := "the model has no signatures"
		if keys := slices.Sorted(maps.Keys(m.Signatures())); len(keys) > 0 {
			detail = "the model has " + strings.Join(keys, ", ")
		}
		return nil, fail(tfkeep.ErrNotFound, detail, nil)
	}
	defaults, err := m.defaults(ctx, key)
	if err != nil {
		return nil, fail(nil, "its default values", err)
	}
	feeds, faults := m.inputFeeds(sig, inputs, defaults)
	if len(faults) > 0 {
		return nil, fail(tfkeep.ErrArgument, strings.Join(faults, "; "), nil)
	}
	names := slices.Sorted(maps.Keys(sig.Outputs))
	fetches := make([]tf.Output, len(names))
	for i, name := range names {
		var err error
		if fetches[i], err = FindTensor(m.Graph(), sig.Outputs[name], m.Scope); err != nil {
			return nil, fail(nil, fmt.Sprintf("output %q", name), err)
		}
	}
	got, err := m.Session.Run(ctx, feeds, fetches, nil, nil)
	if err != nil {
		return nil, fail(nil, "", err)
	}
	out := make(map[string]*tf.Tensor, len(names))
	for i, name := range names {
		out[name] = got[i]
	}
	return out, nil
}

// inputFeeds checks the inputs against the signature. It returns the feeds, and a list
// of everything that is wrong.
func (m *Model) inputFeeds(sig *graphdef.SignatureDef, inputs, defaults map[string]*tf.Tensor) (feeds map[tf.Output]*tf.Tensor, faults []string) {
	feeds = make(map[tf.Output]*tf.Tensor, len(inputs))
	for _, name := range slices.Sorted(maps.Keys(sig.Inputs)) {
		info := sig.Inputs[name]
		t := inputs[name]
		if t == nil {
			t = defaults[name]
		}
		if t == nil {
			faults = append(faults, fmt.Sprintf("input %q is missing", name))
			continue
		}
		if fault := mismatch(info, t); fault != "" {
			faults = append(faults, fmt.Sprintf("input %q: %s", name, fault))
			continue
		}
		out, err := FindTensor(m.Graph(), info, m.Scope)
		if err != nil {
			faults = append(faults, fmt.Sprintf("input %q: %v", name, err))
			continue
		}
		feeds[out] = t
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if sig.Inputs[name] == nil {
			fault := fmt.Sprintf("the signature has no input %q", name)
			if near := nearest.Names(name, slices.Sorted(maps.Keys(sig.Inputs)), 1); len(near) > 0 {
				fault += fmt.Sprintf(" (did you mean %q?)", near[0])
			}
			faults = append(faults, fault)
		}
	}
	return feeds, faults
}

// mismatch describes how a tensor differs from an input of a signature. It returns ""
// if the tensor fits.
func mismatch(info *graphdef.TensorInfo, t *tf.Tensor) string {
	if capi.Released(t) {
		return "the tensor is empty or was released"
	}
	// Models from 2016 have neither types nor shapes; then TensorFlow checks.
	if want := tf.DataType(info.Dtype); want != 0 && want != t.DataType() {
		return fmt.Sprintf("its type is %s instead of %s", dtype.Name(dtype.DataType(t.DataType())), dtype.Name(info.Dtype))
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
	return fmt.Sprintf("its shape is %v instead of [%s]", t.Shape(), strings.Join(want, " "))
}
