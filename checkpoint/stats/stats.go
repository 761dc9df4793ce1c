package stats

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// Options are the options of [Summarize]. The zero value, and nil, have the right
// defaults.
type Options struct {
	// Names are the tensors to summarize, in this order; nil means all, by name.
	Names []string
	// Workers is the largest number of tensors that are read at once; 0 means
	// runtime.GOMAXPROCS(0).
	Workers int
}

// Summarize returns a summary of each tensor of a checkpoint, one after the other.
// Variants have no numbers and are left out. Summarize stops after the first error: that of
// a read, the fault of a tensor that cannot be read, that of ctx, or a tfkeep.ErrNotFound for a name in Options.Names
// that the checkpoint does not have.
func Summarize(ctx context.Context, r *checkpoint.Reader, opts *Options) iter.Seq2[*Summary, error] {
	if opts == nil {
		opts = &Options{}
	}
	tensors, err := chosen(r, opts.Names)
	if err != nil {
		return func(yield func(*Summary, error) bool) { yield(nil, err) }
	}
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return parallel.InOrder(ctx, len(tensors), workers, func(ctx context.Context, i int) (*Summary, error) {
		return summarize(ctx, r, tensors[i])
	})
}

func chosen(r *checkpoint.Reader, names []string) ([]checkpoint.TensorInfo, error) {
	if r == nil {
		return nil, argcheck.Nil("summarize", "", "Reader")
	}
	tensors := slices.Collect(r.Tensors())
	if names != nil {
		tensors = make([]checkpoint.TensorInfo, len(names))
		for i, name := range names {
			t, ok := r.Lookup(name)
			if !ok {
				return nil, &tfkeep.Error{Op: "read", Path: r.Prefix(), Item: "tensor", Name: name, Err: tfkeep.ErrNotFound}
			}
			tensors[i] = t
		}
	}
	kept := make([]checkpoint.TensorInfo, 0, len(tensors))
	for _, t := range tensors {
		if _, ok := measureOf(t.DType); ok || t.Fault != nil {
			kept = append(kept, t)
		}
	}
	return kept, nil
}

func summarize(ctx context.Context, r *checkpoint.Reader, t checkpoint.TensorInfo) (*Summary, error) {
	if t.Fault != nil {
		return nil, t.Fault
	}
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
		data, err := r.ReadBytes(ctx, t.Name, nil)
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
	// wholeLimit is the size in bytes up to which a tensor is read into memory. Larger
	// tensors are streamed twice.
	wholeLimit = 32 << 20
	// batch is the number of values that are decoded at a time. They fit into the
	// processor's first-level cache.
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

// stream decodes a tensor of any size piece by piece.
func stream(ctx context.Context, r *checkpoint.Reader, t *checkpoint.TensorInfo, visit func([]float64)) error {
	in, err := r.OpenTensor(ctx, t.Name, nil)
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
	values, err := r.ReadStrings(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	lengths := make([]float64, len(values))
	for i, v := range values {
		lengths[i] = float64(len(v))
	}
	return lengths, nil
}
