package signature

import (
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
)

// TensorNames returns the names of the tensors that make up a value of a signature: one
// of a dense value, three of a sparse one, those of its components of a composite one.
func TensorNames(info *graphdef.TensorInfo) []string {
	names := []string{info.GetName()}
	if sparse := info.GetCooSparse(); sparse != nil {
		names = []string{sparse.GetValuesTensorName(), sparse.GetIndicesTensorName(), sparse.GetDenseShapeTensorName()}
	}
	for _, c := range info.GetCompositeTensor().GetComponents() {
		names = append(names, TensorNames(c)...)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
