package sources

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/argcheck"
)

// Read reads a tensor of numbers, or a part of it if s is not nil. The size that a
// damaged source claims is not allocated before the bytes are there.
func Read(ctx context.Context, src checkpoint.Source, name string, s checkpoint.Slice) ([]byte, error) {
	if r, ok := src.(*checkpoint.Reader); ok {
		return r.ReadBytes(ctx, name, s) // on several goroutines
	}
	if err := check(ctx, src); err != nil {
		return nil, err
	}
	in, err := src.OpenTensor(ctx, name, s)
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
		return r.ReadInto(ctx, name, s, dst) // on several goroutines
	}
	if err := check(ctx, src); err != nil {
		return err
	}
	in, err := src.OpenTensor(ctx, name, s)
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

// check returns why a source cannot be read.
func check(ctx context.Context, src checkpoint.Source) error {
	if src == nil {
		return argcheck.Nil("read", "", "Source")
	}
	return argcheck.Context(ctx, "read", "")
}

// WholeOnly returns the error of a source that reads whole tensors only, if part is not
// nil.
func WholeOnly(name string, part checkpoint.Slice) error {
	if part == nil {
		return nil
	}
	return unsupported(name, "the source cannot read a part of a tensor")
}

// NoStrings returns the error of a source that has no strings.
func NoStrings(name string) error { return unsupported(name, "the source has no strings") }

func unsupported(name, detail string) error {
	return &tfkeep.Error{Op: "read", Item: "tensor", Name: name, Err: tfkeep.ErrUnsupported, Detail: detail}
}
