package savedmodel

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/tf"
)

// TensorInfo describes a tensor of a graph for a signature.
func TensorInfo(out tf.Output) (*signature.TensorInfo, error) {
	if out.Op == nil {
		return nil, fmt.Errorf("%w: no tensor", ErrSignature)
	}
	if out.Index >= out.Op.NumOutputs() {
		return nil, fmt.Errorf("%w: %s has %d outputs", ErrSignature, out.Op.Name(), out.Op.NumOutputs())
	}
	var dims []int64
	if shape := out.Shape(); shape.NumDimensions() >= 0 {
		dims = make([]int64, shape.NumDimensions())
		for i := range dims {
			dims[i] = shape.Size(i)
		}
	}
	value := dtype.Base(out.DataType()) // reading a reference yields a value
	return signature.Dense(out.Op.Name()+":"+strconv.Itoa(out.Index), signature.DataType(value), dims), nil
}

// Sparse is a sparse tensor of a graph, in its three parts.
type Sparse struct {
	Values     tf.Output // the values that are there, [n]
	Indices    tf.Output // their places, [n, rank], int64
	DenseShape tf.Output // the shape of the whole, [rank], int64
	// Shape is the shape of the whole as far as it is known; nil means as far
	// as DenseShape, if it is a constant, or the rank of Indices tell.
	Shape []int64
}

// SparseTensorInfo describes a sparse tensor of a graph for a signature.
func SparseTensorInfo(s Sparse) (*signature.TensorInfo, error) {
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

// sparseShape is what the graph says of the shape of a sparse tensor, nil if
// not even the number of dimensions.
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
	if rank < 0 || rank > 254 { // TensorFlow's greatest number of dimensions
		return nil
	}
	dims := make([]int64, rank)
	for i := range dims {
		dims[i] = -1
	}
	return dims
}

// TensorFromInfo finds the tensor that a TensorInfo of a signature names, in
// a graph that was imported into the given scope ("" for none). A sparse one is
// found by [SparseFromInfo].
func TensorFromInfo(g *tf.Graph, info *signature.TensorInfo, importScope string) (tf.Output, error) {
	if info.GetName() == "" {
		if len(tensorNames(info)) > 0 {
			return tf.Output{}, fmt.Errorf("%w: it is no dense tensor; run the session with the parts of it: %s", ErrSignature, strings.Join(tensorNames(info), ", "))
		}
		return tf.Output{}, fmt.Errorf("%w: Invalid TensorInfo.encoding: it names no tensor", ErrSignature)
	}
	out, err := g.OutputByName(inScope(info.GetName(), importScope))
	if err != nil {
		return tf.Output{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return out, nil
}

// SparseFromInfo finds the parts of a sparse tensor; see [TensorFromInfo].
func SparseFromInfo(g *tf.Graph, info *signature.TensorInfo, importScope string) (Sparse, error) {
	coo := info.GetCooSparse()
	if coo == nil {
		return Sparse{}, fmt.Errorf("%w: Invalid TensorInfo.encoding: it is no sparse tensor", ErrSignature)
	}
	var s Sparse
	for _, part := range []struct {
		name string
		out  *tf.Output
	}{{coo.ValuesTensorName, &s.Values}, {coo.IndicesTensorName, &s.Indices}, {coo.DenseShapeTensorName, &s.DenseShape}} {
		var err error
		if *part.out, err = g.OutputByName(inScope(part.name, importScope)); err != nil {
			return Sparse{}, fmt.Errorf("%w: %w", ErrSignature, err)
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

// tensorNames lists the tensors that a TensorInfo stands for.
func tensorNames(info *signature.TensorInfo) []string {
	switch e := info.GetEncoding().(type) {
	case *for_core_protos_go_proto.TensorInfo_Name:
		return []string{e.Name}
	case *for_core_protos_go_proto.TensorInfo_CooSparse_:
		var names []string
		for _, n := range []string{e.CooSparse.GetValuesTensorName(), e.CooSparse.GetIndicesTensorName(), e.CooSparse.GetDenseShapeTensorName()} {
			if n != "" {
				names = append(names, n)
			}
		}
		return names
	case *for_core_protos_go_proto.TensorInfo_CompositeTensor_:
		var names []string
		for _, c := range e.CompositeTensor.GetComponents() {
			names = append(names, tensorNames(c)...)
		}
		return names
	}
	return nil
}

// inScope moves the name of a tensor into the scope that its graph was imported into.
func inScope(name, scope string) string {
	if scope == "" {
		return name
	}
	return strings.TrimSuffix(scope, "/") + "/" + name
}

func joinSorted(list []string) string {
	sort.Strings(list)
	return strings.Join(list, "; ")
}
