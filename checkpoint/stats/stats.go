package stats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// Options tunes [Each]. The zero value, or nil, is the right default.
type Options struct {
	// Names are the tensors wanted, in the order wanted; nil is all by name.
	Names []string
	// Workers bounds the tensors that are read at once; 0 is one a core.
	Workers int
}

// Each sums up a checkpoint's tensors and calls visit with one after the other.
// It stops at the first error: of reading, of visit, of the context. Variants
// and resources have no values and are passed over.
func Each(ctx context.Context, r *checkpoint.Reader, o *Options, visit func(*Summary) error) error {
	if o == nil {
		o = &Options{}
	}
	tensors, err := chosen(r, o.Names)
	if err != nil {
		return err
	}
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return parallel.InOrder(ctx, len(tensors), workers,
		func(ctx context.Context, i int) (*Summary, error) { return of(ctx, r, tensors[i]) },
		func(_ int, s *Summary) error { return visit(s) })
}

// Of sums up one tensor.
func Of(ctx context.Context, r *checkpoint.Reader, name string) (*Summary, error) {
	tensors, err := chosen(r, []string{name})
	if err != nil {
		return nil, err
	}
	if len(tensors) == 0 {
		return nil, fmt.Errorf("stats: tensor %q holds no values: %w", name, tfkeep.ErrUnsupported)
	}
	return of(ctx, r, tensors[0])
}

func chosen(r *checkpoint.Reader, names []string) ([]checkpoint.TensorInfo, error) {
	tensors := r.Tensors()
	if names != nil {
		tensors = make([]checkpoint.TensorInfo, len(names))
		for i, name := range names {
			t, ok := r.Lookup(name)
			if !ok {
				return nil, fmt.Errorf("stats: no tensor %q in %s: %w", name, r.Prefix(), tfkeep.ErrNotFound)
			}
			tensors[i] = t
		}
	}
	kept := make([]checkpoint.TensorInfo, 0, len(tensors))
	for _, t := range tensors {
		if _, ok := measureOf(t.DType); ok {
			kept = append(kept, t)
		}
	}
	return kept, nil
}

func of(ctx context.Context, r *checkpoint.Reader, t checkpoint.TensorInfo) (*Summary, error) {
	s := &Summary{Tensor: t}
	s.Measure, _ = measureOf(t.DType)
	a := newAccumulator(s)
	values := func(visit func([]float64)) error { return stream(ctx, r, &t, visit) }
	switch {
	case t.DType == dtype.String:
		lengths, err := stringLengths(ctx, r, t.Name)
		if err != nil {
			return nil, err
		}
		values = func(visit func([]float64)) error { visit(lengths); return nil }
	case t.Bytes <= wholeLimit:
		data, err := r.ReadBytes(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		values = func(visit func([]float64)) error { decode(t.DType, data, visit); return nil }
	}
	if err := values(a.moments); err != nil {
		return nil, err
	}
	a.endMoments()
	if err := values(a.bins); err != nil {
		return nil, err
	}
	return s, nil
}

const (
	// wholeLimit is the size up to which a tensor is read into memory; larger
	// ones are streamed twice.
	wholeLimit = 32 << 20
	// batch is the number of values decoded at a time: they stay in the
	// processor's first cache.
	batch = 2048
)

func decode(dt dtype.DataType, data []byte, visit func([]float64)) {
	var buf [batch]float64
	size := dtype.Size(dt)
	for len(data) > 0 {
		n := min(batch, len(data)/size)
		dtype.Float64s(dt, data, buf[:n])
		visit(buf[:n])
		data = data[n*size:]
	}
}

// stream decodes a tensor of any size a piece at a time.
func stream(ctx context.Context, r *checkpoint.Reader, t *checkpoint.TensorInfo, visit func([]float64)) error {
	in, err := r.OpenTensor(ctx, t.Name)
	if err != nil {
		return err
	}
	defer in.Close()
	buf := make([]byte, 1<<20) // a multiple of every element's size
	for {
		n, err := io.ReadFull(in, buf)
		decode(t.DType, buf[:n], visit)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func stringLengths(ctx context.Context, r *checkpoint.Reader, name string) ([]float64, error) {
	values, err := r.ReadStrings(ctx, name)
	if err != nil {
		return nil, err
	}
	lengths := make([]float64, len(values))
	for i, v := range values {
		lengths[i] = float64(len(v))
	}
	return lengths, nil
}
