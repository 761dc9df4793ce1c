package sources

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
)

// Open streams a tensor of numbers, or a part of it if s is not nil.
func Open(ctx context.Context, src checkpoint.Source, name string, s checkpoint.Slice) (io.ReadCloser, error) {
	if s == nil {
		return src.OpenTensor(ctx, name)
	}
	if src, ok := src.(checkpoint.SliceSource); ok {
		return src.OpenSlice(ctx, name, s)
	}
	return nil, unsupported(name, "the source cannot read a part of a tensor")
}

// Read reads a tensor of numbers, or a part of it if s is not nil. The size that a
// damaged source claims is not allocated before the bytes are there.
func Read(ctx context.Context, src checkpoint.Source, name string, s checkpoint.Slice) ([]byte, error) {
	if r, ok := src.(*checkpoint.Reader); ok {
		return r.ReadSliceBytes(ctx, name, s) // on several goroutines
	}
	in, err := Open(ctx, src, name, s)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, _ := src.Lookup(name)
	var b bytes.Buffer
	b.Grow(int(min(info.Bytes, 1<<20) + bytes.MinRead))
	_, err = b.ReadFrom(in)
	return b.Bytes(), err
}

// ReadInto reads a tensor of numbers, or a part of it if s is not nil, into dst, which
// must have exactly its size.
func ReadInto(ctx context.Context, src checkpoint.Source, name string, s checkpoint.Slice, dst []byte) error {
	if r, ok := src.(*checkpoint.Reader); ok {
		return r.ReadSliceInto(ctx, name, s, dst) // on several goroutines
	}
	in, err := Open(ctx, src, name, s)
	if err != nil {
		return err
	}
	defer in.Close()
	n, err := io.ReadFull(in, dst)
	if err == nil {
		var extra int64
		if extra, err = io.Copy(io.Discard, in); err == nil && extra == 0 {
			return nil
		}
		n += int(extra)
	}
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull's own, not the source's
		return &tfkeep.Error{Op: "read", Item: "tensor", Name: name, Err: tfkeep.ErrMismatch,
			Detail: fmt.Sprintf("the source has %d bytes of it instead of %d", n, len(dst))}
	}
	return err
}

// ReadStrings reads a tensor of strings, or a part of it if s is not nil.
func ReadStrings(ctx context.Context, src checkpoint.Source, name string, s checkpoint.Slice) ([][]byte, error) {
	if s == nil {
		if src, ok := src.(checkpoint.StringSource); ok {
			return src.ReadStrings(ctx, name)
		}
		return nil, unsupported(name, "the source has no strings")
	}
	if src, ok := src.(checkpoint.SliceSource); ok {
		return src.ReadSliceStrings(ctx, name, s)
	}
	return nil, unsupported(name, "the source cannot read a part of a tensor")
}

func unsupported(name, detail string) error {
	return &tfkeep.Error{Op: "read", Item: "tensor", Name: name, Err: tfkeep.ErrUnsupported, Detail: detail}
}
