package signature

import (
	"strconv"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
)

// Part is one of the tensors that make up a value of a signature.
type Part struct {
	// Name is "" for a dense value, "values", "indices" or "dense_shape" for a part of a
	// sparse one, and the number of the component in a composite one: "0" are the values of
	// a ragged tensor, and "1" its outermost row splits. A component that has parts itself
	// precedes their names: "1/values".
	Name string
	// Info has the name of the tensor, its type, and what is known of its shape.
	Info *graphdef.TensorInfo
}

// Parts returns the tensors that make up a value of a signature: one of a dense value, three
// of a sparse one, those of its components of a composite one.
func Parts(info *graphdef.TensorInfo) []Part {
	if sparse := info.GetCooSparse(); sparse != nil {
		rank := int64(-1)
		if s := info.GetTensorShape(); s != nil && !s.UnknownRank {
			rank = int64(len(s.Dim))
		}
		return named([]Part{
			{"values", Dense(sparse.GetValuesTensorName(), info.Dtype, []int64{-1})},
			{"indices", Dense(sparse.GetIndicesTensorName(), dtype.Int64, []int64{-1, rank})},
			{"dense_shape", Dense(sparse.GetDenseShapeTensorName(), dtype.Int64, []int64{rank})},
		})
	}
	if composite := info.GetCompositeTensor(); composite != nil {
		var parts []Part
		for i, c := range composite.GetComponents() {
			for _, p := range Parts(c) {
				name := strconv.Itoa(i)
				if p.Name != "" {
					name += "/" + p.Name
				}
				parts = append(parts, Part{name, p.Info})
			}
		}
		return parts
	}
	return named([]Part{{"", info}})
}

// named returns the parts whose tensors have a name.
func named(parts []Part) []Part {
	kept := parts[:0]
	for _, p := range parts {
		if p.Info.GetName() != "" {
			kept = append(kept, p)
		}
	}
	return kept
}

// TensorNames returns the names of the tensors that make up a value of a signature.
func TensorNames(info *graphdef.TensorInfo) []string {
	var names []string
	for _, p := range Parts(info) {
		names = append(names, p.Info.GetName())
	}
	return names
}
