package savedmodel

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

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
	dtype := out.DataType()
	if dtype > 100 { // a reference: what is read from it is a value
		dtype -= 100
	}
	return signature.Dense(out.Op.Name()+":"+strconv.Itoa(out.Index), signature.DataType(dtype), dims), nil
}

// Predict makes a signature of the tensors of a graph.
func Predict(inputs, outputs map[string]tf.Output) (*signature.SignatureDef, error) {
	in, err := infos(inputs)
	if err != nil {
		return nil, err
	}
	out, err := infos(outputs)
	if err != nil {
		return nil, err
	}
	s, err := signature.Predict(in, out)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return s, nil
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
