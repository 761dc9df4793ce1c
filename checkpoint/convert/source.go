package convert

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/safetensors"
)

// source is where tensors come from.
type source interface {
	tensors() []checkpoint.TensorInfo
	// open streams the little-endian bytes of a whole tensor of numbers. They
	// are good once io.EOF was seen.
	open(ctx context.Context, name string) (io.ReadCloser, error)
	// bytes and strings read a tensor or a part of it, which only checkpoints
	// have.
	bytes(ctx context.Context, name string, s checkpoint.Slice) ([]byte, error)
	strings(ctx context.Context, name string, s checkpoint.Slice) ([][]byte, error)
	close() error
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
		return safeTensorsSource{r}, format, nil
	case NPZ:
		a, err := npy.OpenArchive(path)
		if err != nil {
			return nil, "", err
		}
		s := &npzSource{archive: a}
		if err := s.list(); err != nil {
			a.Close()
			return nil, "", fmt.Errorf("%s: %w", path, err)
		}
		return s, format, nil
	}
	r, err := dir.Open(ctx, path, nil)
	if err != nil {
		return nil, "", err
	}
	if r.Version() == checkpoint.V1 {
		format = V1
	}
	return checkpointSource{r}, format, nil
}

type checkpointSource struct{ r *checkpoint.Reader }

func (s checkpointSource) tensors() []checkpoint.TensorInfo { return s.r.Tensors() }
func (s checkpointSource) close() error                     { return s.r.Close() }

func (s checkpointSource) open(ctx context.Context, name string) (io.ReadCloser, error) {
	return s.r.OpenTensor(ctx, name)
}

func (s checkpointSource) bytes(ctx context.Context, name string, p checkpoint.Slice) ([]byte, error) {
	return s.r.ReadSliceBytes(ctx, name, p)
}

func (s checkpointSource) strings(ctx context.Context, name string, p checkpoint.Slice) ([][]byte, error) {
	return s.r.ReadSliceStrings(ctx, name, p)
}

type safeTensorsSource struct{ r *safetensors.Reader }

func (s safeTensorsSource) tensors() []checkpoint.TensorInfo {
	list := make([]checkpoint.TensorInfo, len(s.r.Tensors()))
	for i, t := range s.r.Tensors() {
		list[i] = checkpoint.TensorInfo{Name: t.Name, DType: t.DType, Shape: t.Shape, Bytes: t.Bytes}
	}
	return list
}

func (s safeTensorsSource) open(_ context.Context, name string) (io.ReadCloser, error) {
	r, err := s.r.OpenTensor(name)
	return io.NopCloser(r), err
}

func (s safeTensorsSource) bytes(_ context.Context, name string, _ checkpoint.Slice) ([]byte, error) {
	t, _ := s.r.Lookup(name) // its size was checked against the file's
	data := make([]byte, t.Bytes)
	return data, s.r.ReadInto(name, data)
}

func (s safeTensorsSource) strings(context.Context, string, checkpoint.Slice) ([][]byte, error) {
	return nil, tfkeep.ErrUnsupported // the format has none
}

func (s safeTensorsSource) close() error { return s.r.Close() }

type npzSource struct {
	archive *npy.Archive
	infos   []checkpoint.TensorInfo
}

func (s *npzSource) list() error {
	for _, name := range s.archive.Names() {
		dt, shape, err := s.archive.Stat(name)
		if err != nil {
			return err
		}
		n, _ := checkpoint.NumElements(shape)
		s.infos = append(s.infos, checkpoint.TensorInfo{Name: name, DType: dt, Shape: shape,
			Bytes: n * int64(dtype.Size(dt))})
	}
	return nil
}

func (s *npzSource) tensors() []checkpoint.TensorInfo { return s.infos }

func (s *npzSource) open(ctx context.Context, name string) (io.ReadCloser, error) {
	data, err := s.bytes(ctx, name, nil)
	return io.NopCloser(bytes.NewReader(data)), err
}

func (s *npzSource) bytes(_ context.Context, name string, _ checkpoint.Slice) ([]byte, error) {
	a, err := s.archive.Read(name)
	if err != nil {
		return nil, err
	}
	return a.Data, nil
}

func (s *npzSource) strings(_ context.Context, name string, _ checkpoint.Slice) ([][]byte, error) {
	a, err := s.archive.Read(name)
	if err != nil {
		return nil, err
	}
	return a.Strings, nil
}

func (s *npzSource) close() error { return s.archive.Close() }
