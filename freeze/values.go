package freeze

import (
	"context"
	"io"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// Source gives the values of variables by their keys. A [checkpoint.Reader]
// is one; a live session can be another.
type Source interface {
	// Lookup tells what is stored under a key.
	Lookup(key string) (checkpoint.TensorInfo, bool)
	// OpenTensor streams the little-endian bytes of a numeric tensor. Damage
	// shows as an error of Read before the last byte is handed out.
	OpenTensor(ctx context.Context, key string) (io.ReadCloser, error)
	// OpenSlice does the same for a part of the tensor.
	OpenSlice(ctx context.Context, key string, s checkpoint.Slice) (io.ReadCloser, error)
	// ReadStrings and ReadSliceStrings read tensors of strings, row by row.
	ReadStrings(ctx context.Context, key string) ([][]byte, error)
	ReadSliceStrings(ctx context.Context, key string, s checkpoint.Slice) ([][]byte, error)
}

// valueRef says where the value of one variable comes from.
type valueRef struct {
	key   string
	slice checkpoint.Slice // nil: the whole tensor
	dtype dtype.DataType
	shape []int64
	bytes int64
}

func (v *valueRef) open(ctx context.Context, src Source) (io.ReadCloser, error) {
	if v.slice == nil {
		return src.OpenTensor(ctx, v.key)
	}
	return src.OpenSlice(ctx, v.key, v.slice)
}

func (v *valueRef) strings(ctx context.Context, src Source) ([][]byte, error) {
	if v.slice == nil {
		return src.ReadStrings(ctx, v.key)
	}
	return src.ReadSliceStrings(ctx, v.key, v.slice)
}
