package freeze

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// sameValue reports whether two places have equal values. It reads them only if the
// source has no checksums.
func sameValue(ctx context.Context, src checkpoint.Source, a, b *valueRef) (bool, error) {
	if a.key == b.key && slices.Equal(a.slice, b.slice) {
		return true, nil
	}
	if a.dtype != b.dtype || !slices.Equal(a.shape, b.shape) {
		return false, nil
	}
	infoA, _ := src.Lookup(a.key)
	infoB, _ := src.Lookup(b.key)
	whole := a.slice == nil && b.slice == nil && infoA.Slices == nil && infoB.Slices == nil
	if whole && infoA.CRC32C != 0 && infoB.CRC32C != 0 {
		return infoA.CRC32C == infoB.CRC32C && infoA.Bytes == infoB.Bytes, nil
	}
	if a.dtype == dtype.String {
		stringsA, err := src.ReadStrings(ctx, a.key, a.slice)
		if err != nil {
			return false, err
		}
		stringsB, err := src.ReadStrings(ctx, b.key, b.slice)
		return slices.EqualFunc(stringsA, stringsB, bytes.Equal), err
	}
	readerA, err := src.OpenTensor(ctx, a.key, a.slice)
	if err != nil {
		return false, err
	}
	defer readerA.Close()
	readerB, err := src.OpenTensor(ctx, b.key, b.slice)
	if err != nil {
		return false, err
	}
	defer readerB.Close()
	return sameBytes(readerA, readerB)
}

// sameBytes reports whether two streams have equal content.
func sameBytes(a, b io.Reader) (bool, error) {
	bufA, bufB := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, errA := io.ReadFull(a, bufA)
		m, errB := io.ReadFull(b, bufB)
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false, nil
		}
		for _, err := range []error{errA, errB} {
			if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull's own, not the source's
				return true, nil
			}
			if err != nil {
				return false, err
			}
		}
	}
}
