package savedmodel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/tf"
)

// assetFile is a file that a graph reads.
type assetFile struct {
	tensor string // the constant with the path, such as "asset:0"
	path   string // where the file is now
	name   string // its name in the model
}

// findAssets returns the files whose paths are in constant tensors of strings. Files
// with the same name and content are one asset. If the content differs, the later one
// gets a number, as in TensorFlow ("words.txt_1"). That holds within a graph; see
// copyAsset for names that an earlier graph has used.
func findAssets(dir string, def *graphdef.GraphDef, tensors []tf.Output) ([]assetFile, error) {
	byName := map[string]*graphdef.NodeDef{}
	for _, n := range def.Node {
		byName[n.Name] = n
	}
	var files []assetFile
	taken := map[string]string{} // names in the model and the paths of their files
	for _, out := range tensors {
		if err := capi.CheckOutput(out); err != nil {
			return nil, buildCause(dir, "an asset", err)
		}
		n := byName[out.Op.Name()]
		value := n.GetAttr()["value"].GetTensor()
		if n.GetOp() != "Const" || len(value.GetStringVal()) != 1 || len(value.GetTensorShape().GetDim()) != 0 {
			return nil, assetError(dir, out.Op.Name(), tfkeep.ErrArgument, "it must be a constant scalar string with the path of a file", nil)
		}
		path := string(value.StringVal[0])
		if path == "" {
			return nil, assetError(dir, out.Op.Name(), tfkeep.ErrArgument, "the path is empty", nil)
		}
		name, err := assetName(taken, path)
		if err != nil {
			return nil, assetError(dir, out.Op.Name(), nil, "", err)
		}
		files = append(files, assetFile{tensor: nodedef.TensorName(out.Op.Name(), out.Index), path: path, name: name})
	}
	return files, nil
}

func assetError(dir, name string, kind error, detail string, cause error) error {
	return &tfkeep.Error{Op: "build", Path: dir, Item: "asset", Name: name, Err: kind, Detail: detail, Cause: cause}
}

// assetName chooses the name of a file in the model.
func assetName(taken map[string]string, path string) (string, error) {
	base := filepath.Base(path)
	name := base
	for i := 1; ; i++ {
		other, ok := taken[name]
		if !ok {
			taken[name] = path
			return name, nil
		}
		same, err := equalContent(other, path)
		if err != nil {
			return "", err
		}
		if same {
			return name, nil
		}
		name = base + "_" + strconv.Itoa(i)
	}
}

func equalContent(a, b string) (bool, error) {
	if a == b {
		return true, nil
	}
	fa, err := vfs.OS.Open(a)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := vfs.OS.Open(b)
	if err != nil {
		return false, err
	}
	defer fb.Close()
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		na, errA := io.ReadFull(fa, bufA)
		nb, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:na], bufB[:nb]) {
			return false, nil
		}
		endA, endB := isEOF(errA), isEOF(errB)
		switch {
		case errA != nil && !endA:
			return false, errA
		case errB != nil && !endB:
			return false, errB
		case endA || endB:
			return endA && endB, nil
		}
	}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// assetItems returns the entries of the collection that lists a graph's assets.
func assetItems(dir string, files []assetFile) ([]tf.Item, error) {
	var items []tf.Item
	for _, f := range files {
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(&for_core_protos_go_proto.AssetFileDef{
			TensorInfo: &for_core_protos_go_proto.TensorInfo{Encoding: &for_core_protos_go_proto.TensorInfo_Name{Name: f.tensor}},
			Filename:   f.name,
		})
		if err != nil {
			return nil, assetError(dir, f.name, nil, "", err)
		}
		items = append(items, tf.NewItem(&anypb.Any{TypeUrl: "type.googleapis.com/tensorflow.AssetFileDef", Value: raw}))
	}
	return items, nil
}

// copyAsset copies one file into the folder. A file with that name from an earlier
// graph stays: the first one wins, as in TensorFlow.
func copyAsset(f assetFile, folder string) error {
	to := filepath.Join(folder, f.name)
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	in, err := vfs.OS.Open(f.path)
	if errors.Is(err, tfkeep.ErrCorrupt) {
		return fmt.Errorf("%w: %s is not a regular file", tfkeep.ErrArgument, f.path)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	return vfs.CopyNew(vfs.OS, to, in)
}
