package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// Format is a file format for tensors.
type Format string

// The formats, as they are named on the command line.
const (
	V2          Format = "v2" // TensorFlow's checkpoints since 2016
	V1          Format = "v1" // TensorFlow's checkpoints before 2016
	SafeTensors Format = "safetensors"
	NPZ         Format = "npz"
)

// Formats returns all formats.
func Formats() []Format { return []Format{V2, V1, SafeTensors, NPZ} }

// foreign are the extensions of other formats for models. A path that has one is never
// meant as the prefix of a checkpoint.
var foreign = []string{".h5", ".hdf5", ".keras", ".pt", ".pth", ".ckpt.pt", ".bin", ".onnx", ".gguf", ".msgpack",
	".pb", ".pbtxt", ".tflite", ".npy", ".pkl", ".zip", ".tar", ".gz"}

// FormatOf derives the format from a path's extension: .safetensors, .npz, or V2 for
// anything else, which is a checkpoint's prefix. A path with the extension of another
// format for models, such as .h5, is tfkeep.ErrUnsupported.
func FormatOf(path string) (Format, error) {
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case ext == ".safetensors":
		return SafeTensors, nil
	case ext == ".npz":
		return NPZ, nil
	case slices.Contains(foreign, ext):
		return "", &tfkeep.Error{Op: "convert", Path: path, Err: tfkeep.ErrUnsupported,
			Detail: fmt.Sprintf("cannot convert %q files; the formats are checkpoints (a prefix without extension), .safetensors and .npz", ext)}
	}
	return V2, nil
}
