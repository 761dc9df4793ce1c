package convert

import (
	"bytes"
	"context"
	"io"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/safetensors"
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

// archive is an .npz file as a checkpoint.StringSource.
type archive struct {
	*npy.Archive
	tensors []checkpoint.TensorInfo
	byName  map[string]int
}

var _ checkpoint.StringSource = (*archive)(nil)

func openArchive(path string) (*archive, error) {
	in, err := npy.OpenArchive(path)
	if err != nil {
		return nil, err
	}
	a := &archive{Archive: in, byName: map[string]int{}}
	for i, name := range in.Names() {
		dt, shape, err := in.Stat(name)
		if err != nil {
			in.Close()
			return nil, err
		}
		n, _ := checkpoint.NumElements(shape) // checked
		a.tensors = append(a.tensors, checkpoint.TensorInfo{Name: name, DType: dt, Shape: shape,
			Bytes: n * int64(dtype.Size(dt))})
		a.byName[name] = i
	}
	return a, nil
}

func (a *archive) Tensors() []checkpoint.TensorInfo { return a.tensors }

func (a *archive) Lookup(name string) (checkpoint.TensorInfo, bool) {
	i, ok := a.byName[name]
	if !ok {
		return checkpoint.TensorInfo{}, false
	}
	return a.tensors[i], true
}

func (a *archive) OpenTensor(ctx context.Context, name string) (io.ReadCloser, error) {
	in, err := a.Open(name)
	if err != nil {
		return nil, err
	}
	return &stream{ctx: ctx, ReadCloser: in}, nil
}

// stream ends with the context.
type stream struct {
	ctx context.Context
	io.ReadCloser
}

func (s *stream) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.ReadCloser.Read(p)
}

func (a *archive) ReadStrings(_ context.Context, name string) ([][]byte, error) {
	array, err := a.Read(name)
	if err != nil {
		return nil, err
	}
	return array.Strings, nil
}

// readNumbers reads a tensor of numbers, or a part of one.
func readNumbers(ctx context.Context, src checkpoint.Source, t *checkpoint.Tensor) ([]byte, error) {
	if r, ok := src.(*checkpoint.Reader); ok {
		return r.ReadSliceBytes(ctx, t.Name, t.Slice) // on several goroutines
	}
	info, _ := src.Lookup(t.Name)
	in, err := src.OpenTensor(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	// The size is a claim of the file's: memory grows with what is really there.
	var b bytes.Buffer
	b.Grow(int(min(info.Bytes, 1<<20) + bytes.MinRead))
	_, err = b.ReadFrom(in)
	return b.Bytes(), err
}

// readStrings reads a tensor of strings, or a part of one.
func readStrings(ctx context.Context, src checkpoint.Source, name string, s checkpoint.Slice) ([][]byte, error) {
	if r, ok := src.(checkpoint.SliceSource); ok && s != nil {
		return r.ReadSliceStrings(ctx, name, s)
	}
	if r, ok := src.(checkpoint.StringSource); ok {
		return r.ReadStrings(ctx, name)
	}
	return nil, &tfkeep.Error{Op: "read", Item: "tensor", Name: name, Err: tfkeep.ErrUnsupported, Detail: "the source has no strings"}
}
