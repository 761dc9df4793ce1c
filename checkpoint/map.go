package checkpoint

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// Map gives a tensor's bytes, little-endian, without reading them into memory
// of the program where that can be: a V2 checkpoint in the operating system's
// files, written on a little-endian machine, the tensor not partitioned.
// Elsewhere it reads them. The memory must not be written to, nor used after
// release; closing the Reader does not end it. The bytes begin at any address:
// TensorFlow does not align them.
//
// The checksum is verified before Map returns, unless checksums are skipped.
// A mapped file must not be cut short while it is in use: the program would be
// ended by a signal. tfkeep and TensorFlow never do that to a file; they rename
// a new one over it.
func (r *Reader) Map(ctx context.Context, name string) (data []byte, release func() error, err error) {
	t, end, err := r.begin(name)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	sel, err := r.selectNumbers(t, nil)
	if err != nil {
		return nil, nil, err
	}
	if len(sel.pieces) == 1 {
		if p, ok := sel.pieces[0].storedPart.(*bundlePart); ok && p.canMap() {
			return p.mapped(ctx)
		}
	}
	data = make([]byte, sel.bytes())
	if err := sel.readInto(ctx, data); err != nil {
		return nil, nil, err
	}
	return data, func() error { return nil }, nil
}

func (p *bundlePart) canMap() bool {
	_, ok := p.in.file.(*os.File)
	return ok && canMap && p.place.Bytes > 0 && p.swapWord() == 1
}

func (p *bundlePart) mapped(ctx context.Context) (data []byte, release func() error, err error) {
	data, release, err = mapFile(p.in.file.(*os.File), p.place.Offset, p.place.Bytes)
	if err != nil {
		return nil, nil, atOffset(p.place.Offset, &tfkeep.Error{Op: "map", Path: p.in.path, Item: "tensor", Name: p.t.Name, Cause: err})
	}
	if p.b.opts.SkipChecksums {
		return data, release, nil
	}
	crc, err := p.sumMapped(ctx, data)
	if err == nil {
		err = p.checkSum(crc)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return data, release, nil
}

// sumMapped sums mapped memory in parallel, as it is first touched. It survives
// a file that was cut short since its size was asked for.
func (p *bundlePart) sumMapped(ctx context.Context, data []byte) (uint32, error) {
	return p.sumChunks(ctx, int64(len(data)), func(_ context.Context, off, n int64) (crc uint32, err error) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		defer func() {
			if recover() != nil {
				err = p.corrupt(0, "the file was cut short while it was mapped")
			}
		}()
		return crc32c.Checksum(data[off : off+n]), nil
	})
}
