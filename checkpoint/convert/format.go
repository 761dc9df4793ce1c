package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// Format is what a file is.
type Format string

// The formats, as they are written on the command line.
const (
	V2          Format = "v2" // TensorFlow's checkpoints since 2016
	V1          Format = "v1" // those before
	SafeTensors Format = "safetensors"
	NPZ         Format = "npz"
)

// Formats lists all of them.
func Formats() []Format { return []Format{V2, V1, SafeTensors, NPZ} }

// foreign are the endings of files that look like a model, and that nobody
// wants as the prefix of a checkpoint.
var foreign = []string{".h5", ".hdf5", ".keras", ".pt", ".pth", ".ckpt.pt", ".bin", ".onnx", ".gguf", ".msgpack",
	".pb", ".pbtxt", ".tflite", ".npy", ".pkl", ".zip", ".tar", ".gz"}

// FormatOf tells the format that a path stands for by its ending: a checkpoint
// is a prefix, without one. A path that clearly means another format is
// tfkeep.ErrUnsupported.
func FormatOf(path string) (Format, error) {
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case ext == ".safetensors":
		return SafeTensors, nil
	case ext == ".npz":
		return NPZ, nil
	case slices.Contains(foreign, ext):
		return "", fmt.Errorf("convert: %w: %s: %q is no format that this converts; there are checkpoints (a prefix without ending), .safetensors and .npz",
			tfkeep.ErrUnsupported, path, ext)
	}
	return V2, nil
}
