package convert

import (
	"context"
	"io"
	"iter"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/checkpoint/internal/safetensors"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// source is a checkpoint.Source that convert has opened.
type source interface {
	checkpoint.Source
	io.Closer
}

func openSource(ctx context.Context, path string) (source, Format, error) {
	format, err := FormatOf(path)
	if err != nil {
		return nil, "", err
	}
	switch format {
	case SafeTensors:
		r, err := safetensors.Open(path)
		if err != nil {
			return nil, "", err
		}
		return r, format, nil
	case NPZ:
		a, err := openArchive(path)
		if err != nil {
			return nil, "", err
		}
		return a, format, nil
	}
	r, err := dir.Open(ctx, path, nil)
	if err != nil {
		return nil, "", err
	}
	if r.Version() == checkpoint.V1 {
		format = V1
	}
	return r, format, nil
}

// archive is an .npz file as a checkpoint.Source.
type archive struct {
	*npy.Archive
	tensors []checkpoint.TensorInfo
	byName  map[string]int
}

var _ checkpoint.Source = (*archive)(nil)

func openArchive(path string) (*archive, error) {
	in, err := npy.OpenArchive(path)
	if err != nil {
		return nil, err
	}
	a := &archive{Archive: in, byName: map[string]int{}}
	for i, name := range in.Names() {
		dt, shape, err := in.Stat(name)
		if err != nil {
			_ = in.Close()
			return nil, err
		}
		n, _ := dtype.NumElements(shape) // checked
		a.tensors = append(a.tensors, checkpoint.TensorInfo{Name: name, DType: dt, Shape: shape,
			Bytes: n * int64(dtype.Size(dt))})
		a.byName[name] = i
	}
	return a, nil
}

func (a *archive) Tensors() iter.Seq[checkpoint.TensorInfo] { return slices.Values(a.tensors) }

func (a *archive) Lookup(name string) (checkpoint.TensorInfo, bool) {
	i, ok := a.byName[name]
	if !ok {
		return checkpoint.TensorInfo{}, false
	}
	return a.tensors[i], true
}

func (a *archive) OpenTensor(ctx context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	if err := sources.WholeOnly(name, part); err != nil {
		return nil, err
	}
	in, err := a.Open(name)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{vfs.ReaderUntil(ctx, in), in}, nil
}

func (a *archive) ReadStrings(_ context.Context, name string, part checkpoint.Slice) ([][]byte, error) {
	if err := sources.WholeOnly(name, part); err != nil {
		return nil, err
	}
	array, err := a.Read(name)
	if err != nil {
		return nil, err
	}
	return array.Strings, nil
}
