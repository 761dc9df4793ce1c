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

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/tf"
)

// assetFile is a file that a graph reads: where it is now, and what it will be
// called in the model.
type assetFile struct {
	tensor string // of the constant that names the file, "asset:0"
	path   string
	name   string
}

// assetsOf finds the files behind constants of strings. Files with the same
// name and content are one asset; with other content the later one gets a
// number, as in TensorFlow ("words.txt_1"). That is so within a graph: of a name
// that an earlier graph has taken, see [copyAsset].
func assetsOf(def *graphdef.GraphDef, tensors []tf.Output) ([]assetFile, error) {
	byName := map[string]*graphdef.NodeDef{}
	for _, n := range def.Node {
		byName[n.Name] = n
	}
	var files []assetFile
	taken := map[string]string{} // name in the model → path of the file
	for _, out := range tensors {
		if out.Op == nil {
			return nil, fmt.Errorf("%w: an asset is no tensor", ErrArgument)
		}
		n := byName[out.Op.Name()]
		value := n.GetAttr()["value"].GetTensor()
		if n.GetOp() != "Const" || len(value.GetStringVal()) != 1 || len(value.GetTensorShape().GetDim()) != 0 {
			return nil, fmt.Errorf("%w: asset %s is no constant scalar string with the path of a file", ErrArgument, out.Op.Name())
		}
		path := string(value.StringVal[0])
		if path == "" {
			return nil, fmt.Errorf("%w: asset %s names no file", ErrArgument, out.Op.Name())
		}
		name, err := assetName(taken, path)
		if err != nil {
			return nil, err
		}
		files = append(files, assetFile{tensor: out.Op.Name() + ":" + strconv.Itoa(out.Index), path: path, name: name})
	}
	return files, nil
}

// assetName chooses the name of a file within the model.
func assetName(taken map[string]string, path string) (string, error) {
	base := filepath.Base(path)
	name := base
	for i := 1; ; i++ {
		other, ok := taken[name]
		if !ok {
			taken[name] = path
			return name, nil
		}
		same, err := sameContent(other, path)
		if err != nil {
			return "", fmt.Errorf("savedmodel: asset: %w", err)
		}
		if same {
			return name, nil
		}
		name = base + "_" + strconv.Itoa(i)
	}
}

func sameContent(a, b string) (bool, error) {
	if a == b {
		return true, nil
	}
	fa, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := os.Open(b)
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
		endA, endB := ended(errA), ended(errB)
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

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// assetItems are the entries for the collection that lists a graph's assets.
func assetItems(files []assetFile) ([]tf.Item, error) {
	var items []tf.Item
	for _, f := range files {
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(&for_core_protos_go_proto.AssetFileDef{
			TensorInfo: &for_core_protos_go_proto.TensorInfo{Encoding: &for_core_protos_go_proto.TensorInfo_Name{Name: f.tensor}},
			Filename:   f.name,
		})
		if err != nil {
			return nil, fmt.Errorf("savedmodel: asset %s: %w", f.name, err)
		}
		items = append(items, tf.NewItem(&anypb.Any{TypeUrl: anyAssetURL, Value: raw}))
	}
	return items, nil
}

// copyAsset copies one file into the model. A file of that name that an
// earlier graph brought stays: the first wins, as in TensorFlow.
func copyAsset(f assetFile, dir string) error {
	to := filepath.Join(dir, f.name)
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	in, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("savedmodel: asset: %w", err)
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%w: asset %s is no regular file", ErrArgument, f.path)
	}
	out, err := vfs.OS.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("savedmodel: asset: %w", err)
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("savedmodel: asset %s: %w", f.name, err)
	}
	return nil
}
