package checkpoint

import (
	"context"
	"runtime/debug"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Map returns the bytes of a tensor, little-endian, in the memory of the file where
// that is possible: in a V2 checkpoint in the file system of the operating system,
// written on a little-endian machine, for a tensor that is not partitioned. Otherwise
// it reads them. The caller must not write to the memory, and must not use it after
// calling release. Closing the Reader does not release it. The bytes may begin at any
// address, because TensorFlow does not align them.
//
// Map verifies the checksum before it returns, unless checksums are skipped. If a
// mapped file becomes shorter while it is in use, a signal ends the program. Neither
// tfkeep nor TensorFlow ever shortens a file: they rename a new one over it.
func (r *Reader) Map(ctx context.Context, name string) (data []byte, release func() error, err error) {
	t, end, err := r.begin(ctx, name)
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
	_, ok := vfs.OSFile(p.in.file)
	return ok && canMap && p.place.Bytes > 0 && p.swapWord() == 1
}

func (p *bundlePart) mapped(ctx context.Context) (data []byte, release func() error, err error) {
	file, _ := vfs.OSFile(p.in.file)
	data, release, err = mapFile(file, p.place.Offset, p.place.Bytes)
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
		_ = release()
		return nil, nil, err
	}
	return data, release, nil
}

// sumMapped computes the checksum of mapped memory in parallel. If the file has become
// shorter meanwhile, it returns an error.
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
