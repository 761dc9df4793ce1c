package savedmodel

import (
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/tf"
)

// TensorInfo describes a tensor of a graph for a signature: its name, its element type
// and what is known of its shape.
func TensorInfo(out tf.Output) (*graphdef.TensorInfo, error) { return describe("", out) }

// describe is TensorInfo for the tensor with this name in a signature.
func describe(name string, out tf.Output) (*graphdef.TensorInfo, error) {
	if err := capi.CheckOutput(out); err != nil {
		return nil, &tfkeep.Error{Op: "describe tensor", Name: name, Err: tfkeep.ErrArgument, Cause: err}
	}
	var dims []int64
	if shape := out.Shape(); shape.NumDimensions() >= 0 {
		dims = make([]int64, shape.NumDimensions())
		for i := range dims {
			dims[i] = shape.Size(i)
		}
	}
	return signature.Dense(nodedef.TensorName(out.Op.Name(), out.Index), dtype.Base(dtype.DataType(out.DataType())), dims), nil
}

// Sparse is a sparse tensor of a graph in three parts.
type Sparse struct {
	Values     tf.Output // the values that are set, [n]
	Indices    tf.Output // their indices, int64, [n, rank]
	DenseShape tf.Output // the shape of the whole tensor, int64, [rank]
	// Shape is the shape of the whole tensor, with -1 for unknown sizes. If it is nil,
	// SparseTensorInfo uses DenseShape, if it is a constant, or the static rank.
	Shape []int64
}

// SparseTensorInfo describes a sparse tensor of a graph for a signature.
func SparseTensorInfo(s Sparse) (*graphdef.TensorInfo, error) {
	values, err := TensorInfo(s.Values)
	if err != nil {
		return nil, err
	}
	indices, err := TensorInfo(s.Indices)
	if err != nil {
		return nil, err
	}
	shape, err := TensorInfo(s.DenseShape)
	if err != nil {
		return nil, err
	}
	dims := s.Shape
	if dims == nil {
		dims = sparseShape(s)
	}
	return signature.Sparse(values.GetName(), indices.GetName(), shape.GetName(), values.Dtype, dims), nil
}

// sparseShape returns the static shape of a sparse tensor, or nil if not even the
// number of dimensions is known.
func sparseShape(s Sparse) []int64 {
	if s.DenseShape.Op.Type() == "Const" {
		if v, err := s.DenseShape.Op.Attr("value"); err == nil {
			if t, ok := v.(*tf.Tensor); ok {
				if dims, ok := t.Value().([]int64); ok {
					return dims
				}
			}
		}
	}
	rank := int64(-1)
	if sh := s.DenseShape.Shape(); sh.NumDimensions() == 1 {
		rank = sh.Size(0)
	}
	if sh := s.Indices.Shape(); rank < 0 && sh.NumDimensions() == 2 {
		rank = sh.Size(1)
	}
	if rank < 0 || rank > 254 { // the largest rank in TensorFlow
		return nil
	}
	dims := make([]int64, rank)
	for i := range dims {
		dims[i] = -1
	}
	return dims
}

// FindTensor returns the tensor that a TensorInfo of a signature names. scope is the
// scope that the graph was imported into, or "". [FindSparse] does this for sparse
// tensors.
func FindTensor(g *tf.Graph, info *graphdef.TensorInfo, scope string) (tf.Output, error) {
	if info.GetName() == "" {
		detail := "the TensorInfo names no tensor"
		if names := signature.TensorNames(info); len(names) > 0 {
			detail = "the TensorInfo is not that of a dense tensor; fetch its parts: " + strings.Join(names, ", ")
		}
		return tf.Output{}, &tfkeep.Error{Op: "find tensor", Err: tfkeep.ErrArgument, Detail: detail}
	}
	return findOutput(g, info.GetName(), scope)
}

// FindSparse returns the parts of the sparse tensor that a TensorInfo describes; see
// [FindTensor].
func FindSparse(g *tf.Graph, info *graphdef.TensorInfo, scope string) (Sparse, error) {
	coo := info.GetCooSparse()
	if coo == nil {
		return Sparse{}, &tfkeep.Error{Op: "find tensor", Err: tfkeep.ErrArgument, Detail: "the TensorInfo is not that of a sparse tensor"}
	}
	var s Sparse
	for _, part := range []struct {
		name string
		out  *tf.Output
	}{{coo.ValuesTensorName, &s.Values}, {coo.IndicesTensorName, &s.Indices}, {coo.DenseShapeTensorName, &s.DenseShape}} {
		var err error
		if *part.out, err = findOutput(g, part.name, scope); err != nil {
			return Sparse{}, err
		}
	}
	if sh := info.GetTensorShape(); !sh.GetUnknownRank() {
		s.Shape = make([]int64, len(sh.GetDim()))
		for i, d := range sh.GetDim() {
			s.Shape[i] = d.Size
		}
	}
	return s, nil
}

func findOutput(g *tf.Graph, name, scope string) (tf.Output, error) {
	out, err := g.OutputByName(namescope.Prepend(name, scope))
	if err != nil {
		return tf.Output{}, &tfkeep.Error{Op: "find tensor", Item: "tensor", Name: name, Err: tfkeep.ErrNotFound, Cause: err}
	}
	return out, nil
}
