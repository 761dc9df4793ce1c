package vfs

import (
	"context"
	"io"
)

// ReaderUntil returns a reader that reads from r until ctx is done, and then returns its error.
func ReaderUntil(ctx context.Context, r io.Reader) io.Reader { return &readerUntil{ctx, r} }

type readerUntil struct {
	ctx context.Context
	r   io.Reader
}

func (u *readerUntil) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
