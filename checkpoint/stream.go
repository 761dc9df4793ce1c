package checkpoint

import (
	"container/heap"
	"context"
	"io"

	"github.com/tfkeep/tfkeep"
)

// OpenTensor returns a stream of the bytes that [Reader.ReadInto] reads. It takes little
// memory, whatever the size of the tensor (with V1: as much as the block of the table that
// has the tensor). A nil part is the whole tensor. If the checksum is wrong, the last Read
// returns the error in place of io.EOF: trust the bytes only after io.EOF.
//
// Only one goroutine may use the stream at a time. It fails once the Reader is closed or
// ctx is done.
func (r *Reader) OpenTensor(ctx context.Context, name string, part Slice) (io.ReadCloser, error) {
	t, end, err := r.begin(ctx, name)
	if err != nil {
		return nil, err
	}
	defer end()
	sel, err := r.selectNumbers(t, part)
	if err != nil {
		return nil, err
	}
	return newTensorStream(ctx, r, sel), nil
}

// tensorStream merges the stored parts of a tensor. Each part contributes runs, in the
// order of the result. So every part is read once from its start to its end, side by
// side with the others. The part with the next run is on top of a heap.
type tensorStream struct {
	ctx  context.Context
	r    *Reader
	sel  *selection
	runs runHeap
	pos  int64 // in the result, of the next byte
	err  error // the end, or a failure
}

type partRuns struct {
	cursor
	*region
}

// runHeap sorts the parts by the position of their current run.
type runHeap []*partRuns

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return h[i].bOff < h[j].bOff }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*partRuns)) }
func (h *runHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// The buffers of all parts together take about streamMemory, and each of them at least
// minStreamBuffer.
const (
	streamMemory    = 4 << 20
	minStreamBuffer = 4 << 10
)

func newTensorStream(ctx context.Context, r *Reader, sel *selection) *tensorStream {
	s := &tensorStream{ctx: ctx, r: r, sel: sel}
	buffer := max(min(streamBuffer, streamMemory/max(len(sel.pieces), 1)), minStreamBuffer)
	for i := range sel.pieces {
		p := &sel.pieces[i]
		runs := &partRuns{cursor: cursor{part: p.stream(buffer)}}
		if p.shared == nil {
			runs.region = &region{done: true}
		} else {
			runs.region = newRegion(p.box, sel.box, p.shared)
		}
		s.runs = append(s.runs, runs)
	}
	heap.Init(&s.runs)
	return s
}

func (s *tensorStream) Read(dst []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	if len(dst) == 0 {
		return 0, nil
	}
	s.r.mu.RLock()
	defer s.r.mu.RUnlock()
	if s.r.closed {
		s.err = s.sel.t.errorf(s.r.prefix, -1, tfkeep.ErrClosed, "")
		return 0, s.err
	}
	for n < len(dst) && s.err == nil {
		var m int
		m, s.err = s.readRun(dst[n:])
		n += m
	}
	if n > 0 && isEOF(s.err) {
		return n, nil
	}
	return n, s.err
}

// readRun continues the current run, or ends the part if it has no more runs.
func (s *tensorStream) readRun(dst []byte) (int, error) {
	if len(s.runs) == 0 {
		return 0, io.EOF
	}
	p, elem := s.runs[0], s.sel.elemSize()
	if p.done {
		heap.Pop(&s.runs)
		if s.sel.skip {
			return 0, nil
		}
		return 0, p.drain(s.ctx)
	}
	within := s.pos - p.bOff*elem
	dst = dst[:min(int64(len(dst)), p.run*elem-within)]
	if err := p.read(s.ctx, p.aOff*elem+within, dst); err != nil {
		return 0, err
	}
	s.pos += int64(len(dst))
	if s.pos == (p.bOff+p.run)*elem {
		p.region.next()
		if p.done {
			// It sorts after all others, and so is read to its end last.
			p.bOff = s.sel.box.volume()
		}
		heap.Fix(&s.runs, 0)
	}
	return len(dst), nil
}

// Close ends the stream. It never fails.
func (s *tensorStream) Close() error {
	if s.err == nil {
		s.err = s.sel.t.errorf(s.r.prefix, -1, tfkeep.ErrClosed, "the stream was closed")
	}
	s.runs = nil
	return nil
}
