package checkpoint

import (
	"context"
	"io"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// smallTensor is the largest size of a tensor that is collected in a buffer. A model
// has thousands of small tensors, and a system call for each of them would cost more
// than the copy.
const smallTensor = 16 << 10

// shardWriter is one data file.
type shardWriter struct {
	file      *pendingFile
	writeback *vfs.Writeback // nil for a file that will not be synced
	alignment int64
	next      int64 // where the next tensor goes; under bundleWriter.mu

	mu      sync.Mutex
	pending []byte // small tensors that follow one another
	at      int64  // where pending begins
	spare   []byte // a buffer to use next
	written int64  // the end of what was written
}

// reserve reserves the place of a tensor. Padding follows a tensor, so that the size of
// the file is a multiple of the alignment, as in TensorFlow.
func (s *shardWriter) reserve(size int64) int64 {
	offset := s.next
	s.next += size
	if over := s.next % s.alignment; over != 0 {
		s.next += s.alignment - over
	}
	return offset
}

// writeSmall adds bytes to the buffer. It writes the buffer first if it is full or if
// the bytes do not follow it.
func (s *shardWriter) writeSmall(p []byte, offset int64) error {
	s.mu.Lock()
	gap := offset - (s.at + int64(len(s.pending)))
	var full []byte
	var fullAt int64
	if len(s.pending) > 0 && (gap < 0 || gap >= s.alignment || len(s.pending)+int(gap)+len(p) > chunkSize) {
		full, fullAt = s.pending, s.at
		s.pending = nil
	}
	if len(s.pending) == 0 {
		if s.pending == nil {
			s.pending, s.spare = s.spare, nil
		}
		if s.pending == nil {
			s.pending = make([]byte, 0, chunkSize)
		}
		s.at, gap = offset, 0
	}
	for range gap {
		s.pending = append(s.pending, 0)
	}
	s.pending = append(s.pending, p...)
	s.mu.Unlock()
	if full == nil {
		return nil
	}
	err := s.writeAt(full, fullAt)
	s.mu.Lock()
	s.spare = full[:0]
	s.mu.Unlock()
	return err
}

func (s *shardWriter) writeAt(p []byte, offset int64) error {
	if len(p) == 0 {
		return nil
	}
	if _, err := s.file.WriteAt(p, offset); err != nil {
		return err
	}
	if s.writeback != nil {
		if err := s.writeback.Wrote(offset, int64(len(p))); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.written = max(s.written, offset+int64(len(p)))
	s.mu.Unlock()
	return nil
}

// finish writes the buffer. The padding after the last tensor is a hole in the file.
func (s *shardWriter) finish() error {
	if err := s.writeAt(s.pending, s.at); err != nil {
		return err
	}
	s.pending = nil
	if s.written < s.next {
		return s.file.Truncate(s.next)
	}
	return nil
}

// write writes planned tensors and completes their entries.
func (w *bundleWriter) write(ctx context.Context, plans []*tensorPlan) error {
	var all []chunk
	starts := make([]int, 0, len(plans)+1)
	for _, p := range plans {
		starts = append(starts, len(all))
		if p.entry.size <= smallTensor {
			if err := p.writeSmall(); err != nil {
				return err
			}
			continue
		}
		if err := p.shard.writeAt(p.head, p.entry.offset); err != nil {
			return p.error(err)
		}
		all = append(all, p.chunks()...)
	}
	starts = append(starts, len(all))
	if err := w.writeChunks(ctx, all); err != nil {
		return err
	}
	for i, p := range plans {
		if p.entry.size > smallTensor {
			p.finish(all[starts[i]:starts[i+1]])
		}
	}
	return ctx.Err()
}

// writeSmall writes a tensor into the buffer of its shard.
func (p *tensorPlan) writeSmall() error {
	data := p.tensor.Data
	if variable(p.tensor.DType) {
		c := chunk{strings: p.tensor.Strings}
		strings := c.bytes(nil)
		p.entry.crc = crc32c.Mask(crc32c.Update(p.seed, strings))
		data = append(p.head, strings...)
	} else {
		p.entry.crc = crc32c.Mask(crc32c.Checksum(data))
	}
	if len(data) == 0 {
		return nil
	}
	if err := p.shard.writeSmall(data, p.entry.offset); err != nil {
		return p.error(err)
	}
	return nil
}

// writeChunks computes checksums and writes chunks, on at most as many goroutines as
// the writer has workers, over all calls. Each goroutine uses one of the buffers of the
// writer.
func (w *bundleWriter) writeChunks(ctx context.Context, chunks []chunk) error {
	return parallel.Each(ctx, len(chunks), w.opts.Workers, func(ctx context.Context, i int) error {
		var scratch []byte
		select {
		case scratch = <-w.buffers:
			defer func() { w.buffers <- scratch }()
		case <-ctx.Done():
			return ctx.Err()
		}
		c := &chunks[i]
		data := c.bytes(scratch)
		if c.strings != nil {
			scratch = data
		}
		c.crc = crc32c.Checksum(data)
		if err := c.plan.shard.writeAt(data, c.offset); err != nil {
			return c.plan.error(err)
		}
		return nil
	})
}

func (p *tensorPlan) error(err error) error {
	return atOffset(p.entry.offset, &tfkeep.Error{Op: "write", Path: p.shard.file.final, Item: "tensor", Name: p.tensor.Name, Cause: err})
}

// writeStream writes a planned tensor from a stream and completes its entry.
func (w *bundleWriter) writeStream(ctx context.Context, p *tensorPlan, r io.Reader) error {
	var buf []byte
	select {
	case buf = <-w.buffers:
		defer func() { w.buffers <- buf }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if cap(buf) < chunkSize {
		buf = make([]byte, chunkSize)
	}
	crc := crc32c.Checksum(nil)
	for off := int64(0); off < p.entry.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		piece := buf[:min(int64(chunkSize), p.entry.size-off)]
		if n, err := io.ReadFull(r, piece); err != nil {
			return p.tensor.readError(err, off+int64(n), p.entry.size)
		}
		crc = crc32c.Update(crc, piece)
		if err := p.shard.writeAt(piece, p.entry.offset+off); err != nil {
			return p.error(err)
		}
		off += int64(len(piece))
	}
	p.entry.crc = crc32c.Mask(crc)
	return p.tensor.checkEnd(r, p.entry.size)
}
