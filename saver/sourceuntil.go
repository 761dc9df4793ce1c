package saver

import (
	"context"
	"io"
	"iter"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// sourceUntil is a source that is no longer called once ctx is done: Restore returns then, and
// the caller may close the source. A Reader needs no such guard.
type sourceUntil struct {
	ctx context.Context
	src checkpoint.Source
}

func untilDone(ctx context.Context, src checkpoint.Source) checkpoint.Source {
	if _, ok := src.(*checkpoint.Reader); ok {
		return src
	}
	return sourceUntil{ctx, src}
}

func (s sourceUntil) Tensors() iter.Seq[checkpoint.TensorInfo] {
	return func(yield func(checkpoint.TensorInfo) bool) {
		if s.ctx.Err() != nil {
			return
		}
		for t := range s.src.Tensors() {
			if s.ctx.Err() != nil || !yield(t) {
				return
			}
		}
	}
}

func (s sourceUntil) Lookup(name string) (checkpoint.TensorInfo, bool) {
	if s.ctx.Err() != nil {
		return checkpoint.TensorInfo{}, false
	}
	return s.src.Lookup(name)
}

func (s sourceUntil) OpenTensor(ctx context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	r, err := s.src.OpenTensor(ctx, name, part)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{vfs.ReaderUntil(s.ctx, r), r}, nil
}

func (s sourceUntil) ReadStrings(ctx context.Context, name string, part checkpoint.Slice) ([][]byte, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	return s.src.ReadStrings(ctx, name, part)
}
