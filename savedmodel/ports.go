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
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/nearest"
	"github.com/tfkeep/tfkeep/tf"
)

// port is a tensor that a signature takes or returns.
type port struct {
	name string // in the signature; "x/values" for a part of a value x
	info *graphdef.TensorInfo
	out  tf.Output
}

// findSignature returns a signature that a user may call.
func (m *Model) findSignature(op, key string) (*graphdef.SignatureDef, error) {
	sig := m.MetaGraphDef.SignatureDef[key]
	if sig != nil && !modeldir.IsReserved(key) {
		return sig, nil
	}
	e := signatureError(op, key, tfkeep.ErrNotFound, "the model has no signatures")
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(m.MetaGraphDef.SignatureDef)), modeldir.IsReserved)
	if len(keys) > 0 {
		e.Detail = "the model has " + strings.Join(keys, ", ")
	}
	return nil, e
}

func signatureError(op, key string, kind error, detail string) *tfkeep.Error {
	return &tfkeep.Error{Op: op, Item: "signature", Name: key, Err: kind, Detail: detail}
}

func causedBy(op, key, detail string, cause error) error {
	e := signatureError(op, key, nil, detail)
	e.Cause = cause
	return e
}

// call has the tensors of a signature, and the default values of its inputs.
type call struct {
	in, out  []port
	defaults map[string]*tf.Tensor
}

// bind finds the tensors of a signature for a call. op is the caller's part of errors.
func (m *Model) bind(ctx context.Context, op, key string) (*call, error) {
	if err := m.check(op, ""); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, signatureError(op, key, tfkeep.ErrArgument, "the context is nil")
	}
	sig, err := m.findSignature(op, key)
	if err != nil {
		return nil, err
	}
	c := &call{}
	if c.defaults, err = m.defaults(ctx, key); err != nil {
		return nil, causedBy(op, key, "its default values", err)
	}
	if c.in, err = m.ports(sig.Inputs); err != nil {
		return nil, causedBy(op, key, "its inputs", err)
	}
	if c.out, err = m.ports(sig.Outputs); err != nil {
		return nil, causedBy(op, key, "its outputs", err)
	}
	return c, nil
}

// ports returns the tensors of one side of a signature, sorted by their names, and those of
// one value in the order of its parts.
func (m *Model) ports(infos map[string]*graphdef.TensorInfo) ([]port, error) {
	var ports []port
	taken := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(infos)) {
		parts := signature.Parts(infos[key])
		if len(parts) == 0 {
			return nil, fmt.Errorf("%q has no tensors", key)
		}
		for _, part := range parts {
			name := key
			if part.Name != "" {
				name += "/" + part.Name
			}
			if taken[name] {
				return nil, fmt.Errorf("two tensors have the name %q", name)
			}
			taken[name] = true
			out, err := FindTensor(m.Graph(), part.Info, m.Scope)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", name, err)
			}
			ports = append(ports, port{name, part.Info, out})
		}
	}
	return ports, nil
}

func portNames(ports []port) []string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.name
	}
	return names
}

func outputsOf(ports []port) []tf.Output {
	outputs := make([]tf.Output, len(ports))
	for i, p := range ports {
		outputs[i] = p.out
	}
	return outputs
}

// unknownName says that a signature lacks an input or an output, and what is near.
func unknownName(side, name string, names []string) string {
	fault := fmt.Sprintf("the signature has no %s %q", side, name)
	if near := nearest.Names(name, names, 1); len(near) > 0 {
		fault += fmt.Sprintf(" (did you mean %q?)", near[0])
	}
	return fault
}

// mismatch describes how a tensor differs from a port. It returns "" if the tensor fits.
func mismatch(info *graphdef.TensorInfo, t *tf.Tensor) string {
	if capi.Released(t) {
		return "the tensor is empty or was released"
	}
	// Models from 2016 have neither types nor shapes; then TensorFlow checks.
	if want := tf.DataType(info.Dtype); want != 0 && want != t.DataType() {
		return fmt.Sprintf("its type is %s instead of %s", dtype.Name(dtype.DataType(t.DataType())), dtype.Name(info.Dtype))
	}
	if fits(info, t) {
		return ""
	}
	shape := info.GetTensorShape()
	want := make([]string, len(shape.Dim))
	for i, d := range shape.Dim {
		want[i] = "?"
		if d.Size >= 0 {
			want[i] = fmt.Sprint(d.Size)
		}
	}
	return fmt.Sprintf("its shape is %v instead of [%s]", t.Shape(), strings.Join(want, " "))
}

// fits reports whether a tensor has a shape that a port takes.
func fits(info *graphdef.TensorInfo, t *tf.Tensor) bool {
	shape := info.GetTensorShape()
	if shape == nil || shape.UnknownRank {
		return true
	}
	have := t.Shape()
	if len(have) != len(shape.Dim) {
		return false
	}
	for i, d := range shape.Dim {
		if d.Size >= 0 && have[i] != d.Size {
			return false
		}
	}
	return true
}
