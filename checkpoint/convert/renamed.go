package convert

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
)

// renamed is a source whose tensors have other names.
type renamed struct {
	source
	tensors []checkpoint.TensorInfo      // sorted by their new names
	places  map[string]int               // new name → place in tensors
	olds    map[string]string            // new name → old name
	extra   map[string]checkpoint.Tensor // tensors that the source does not have
}

func (r *renamed) Tensors() iter.Seq[checkpoint.TensorInfo] { return slices.Values(r.tensors) }

func (r *renamed) Lookup(name string) (checkpoint.TensorInfo, bool) {
	i, ok := r.places[name]
	if !ok {
		return checkpoint.TensorInfo{}, false
	}
	return r.tensors[i], true
}

func (r *renamed) OpenTensor(ctx context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	if t, ok := r.extra[name]; ok {
		return io.NopCloser(bytes.NewReader(t.Data)), sources.WholeOnly(name, part)
	}
	return r.source.OpenTensor(ctx, r.olds[name], part)
}

func (r *renamed) ReadStrings(ctx context.Context, name string, part checkpoint.Slice) ([][]byte, error) {
	if t, ok := r.extra[name]; ok {
		return t.Strings, sources.WholeOnly(name, part)
	}
	return r.source.ReadStrings(ctx, r.olds[name], part)
}
