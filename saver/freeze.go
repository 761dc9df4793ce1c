package saver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/tf"
)

// Freeze returns a plan for freezing a session's graph with the values that its
// variables have now. It fetches only the variables that the outputs need, without a
// copy where TensorFlow allows that, and holds them until the plan is closed. o must name
// the outputs.
//
// The errors are those of freeze.New, and tfkeep.ErrUninitialized for a variable without
// a value.
func Freeze(ctx context.Context, sess *tf.Session, o *freeze.Options) (*freeze.Plan, error) {
	if sess == nil {
		return nil, wrap("freeze", "", fault(tfkeep.ErrArgument, "the session is nil"))
	}
	if err := argcheck.Context(ctx, "freeze", ""); err != nil {
		return nil, err
	}
	if o == nil || len(o.Outputs) == 0 {
		return nil, &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrArgument, Detail: "no output nodes named; name the nodes to keep in Options.Outputs"}
	}
	def, err := sess.Graph().GraphDef()
	if err != nil {
		return nil, wrap("freeze", "", err)
	}
	values, err := fetchFor(ctx, sess, def, o)
	if err != nil {
		return nil, err
	}
	named := *o
	named.NodeNames, named.CloseSource = true, true
	plan, err := freeze.New(ctx, def, values, &named)
	if err != nil {
		_ = values.Close()
		return nil, err
	}
	return plan, nil
}

// sessionValues are the values of variables, by the names of their nodes. It is a
// checkpoint.Source.
type sessionValues struct {
	tensors map[string]*tf.Tensor
}

// fetchFor fetches the values of the variables that the outputs need.
func fetchFor(ctx context.Context, sess *tf.Session, def *graphdef.GraphDef, o *freeze.Options) (*sessionValues, error) {
	var roots []string
	have := map[string]bool{}
	for _, n := range def.Node {
		have[n.Name] = true
	}
	for _, name := range append(append([]string(nil), o.Outputs...), o.InitializerNodes...) {
		if node := nodedef.NodeName(name); have[node] { // freeze.New reports names that are missing
			roots = append(roots, node)
		}
	}
	sub, err := edit.Extract(def, roots)
	if err != nil {
		return nil, wrap("freeze", "", err)
	}
	var names []string
	var fetches []tf.Output
	for _, n := range sub.Node {
		var out tf.Output
		switch n.Op {
		case "Variable", "VariableV2":
			out = sess.Graph().Operation(n.Name).Output(0)
		case "VarHandleOp":
			if out, err = readOf(sess.Graph(), def, n); err != nil {
				return nil, wrap("freeze", "", err)
			}
		default:
			continue
		}
		names, fetches = append(names, n.Name), append(fetches, out)
	}
	v := &sessionValues{tensors: map[string]*tf.Tensor{}}
	if len(fetches) == 0 {
		return v, nil
	}
	got, err := sess.Run(ctx, nil, fetches, nil, nil)
	if err != nil {
		return nil, wrap("freeze", "", fmt.Errorf("read the variables: %w", err))
	}
	for i, name := range names {
		v.tensors[name] = got[i]
	}
	return v, nil
}

// readOf finds a node that reads a resource variable, or adds one.
func readOf(g *tf.Graph, def *graphdef.GraphDef, handle *node_def_go_proto.NodeDef) (tf.Output, error) {
	for _, n := range def.Node {
		if n.Op == "ReadVariableOp" && len(n.Input) == 1 && nodedef.NodeName(n.Input[0]) == handle.Name {
			return g.Operation(n.Name).Output(0), nil
		}
	}
	op, err := g.AddOp(tf.OpSpec{
		Type: "ReadVariableOp", Name: handle.Name + "/Read/ReadVariableOp",
		Input: []tf.Input{g.Operation(handle.Name).Output(0)},
		Attrs: map[string]any{"dtype": tf.DataType(handle.Attr["dtype"].GetType())},
	})
	if err != nil {
		return tf.Output{}, err
	}
	return op.Output(0), nil
}

// Close frees the values.
func (v *sessionValues) Close() error {
	for _, t := range v.tensors {
		tf.Release(t)
	}
	return nil
}

func (v *sessionValues) String() string { return "the session" }

// Tensors describes all values, sorted by name.
func (v *sessionValues) Tensors() iter.Seq[checkpoint.TensorInfo] {
	return func(yield func(checkpoint.TensorInfo) bool) {
		for _, name := range slices.Sorted(maps.Keys(v.tensors)) {
			if info, _ := v.Lookup(name); !yield(info) {
				return
			}
		}
	}
}

// Lookup describes a variable's value.
func (v *sessionValues) Lookup(key string) (checkpoint.TensorInfo, bool) {
	t := v.tensors[key]
	if t == nil {
		return checkpoint.TensorInfo{}, false
	}
	info := checkpoint.TensorInfo{Name: key, DType: dtype.DataType(t.DataType()), Shape: t.Shape()}
	if n, ok := dtype.NumElements(info.Shape); ok {
		info.Bytes = n * int64(dtype.Size(info.DType))
	}
	return info, true
}

// OpenTensor reads the memory of the value. The part must be nil.
func (v *sessionValues) OpenTensor(_ context.Context, key string, part checkpoint.Slice) (io.ReadCloser, error) {
	if err := sources.WholeOnly(key, part); err != nil {
		return nil, err
	}
	t := v.tensors[key]
	if t == nil {
		return nil, fmt.Errorf("%w: %q", tfkeep.ErrNotFound, key)
	}
	return io.NopCloser(bytes.NewReader(t.TensorData())), nil
}

// ReadStrings reads a variable of strings. The part must be nil.
func (v *sessionValues) ReadStrings(_ context.Context, key string, part checkpoint.Slice) ([][]byte, error) {
	if err := sources.WholeOnly(key, part); err != nil {
		return nil, err
	}
	t := v.tensors[key]
	if t == nil {
		return nil, fmt.Errorf("%w: %q", tfkeep.ErrNotFound, key)
	}
	return capi.Strings(t)
}
