package diff

import (
	"context"
	"runtime"
	"slices"
	"sort"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// Kind says how a tensor differs.
type Kind string

// The kinds, as they are printed.
const (
	Same     Kind = "same"
	Added    Kind = "added"    // only in the second checkpoint
	Removed  Kind = "removed"  // only in the first
	Retyped  Kind = "retyped"  // another data type, whatever else
	Reshaped Kind = "reshaped" // another shape, the same type
	Changed  Kind = "changed"  // other values, the same type and shape
)

// Difference is the finding about one name.
type Difference struct {
	Name string
	Kind Kind
	// Before and After are the tensors in the first and second checkpoint, nil
	// where there is none.
	Before, After *checkpoint.TensorInfo
	// Values tells how far the values lie apart: for Changed, and for Same,
	// where it counts what the tolerance let pass. Nil for the others and for
	// types without values.
	Values *Values
}

// Options tunes [Each]. The zero value, or nil, is the right default.
type Options struct {
	// Tolerance is how far two numbers may be apart and still be the same:
	// |a-b| <= Tolerance. Complex numbers are compared by their parts.
	Tolerance float64
	// Names are the tensors to compare; nil is all of both checkpoints.
	Names []string
	// Workers bounds the tensors that are compared at once; 0 is one a core.
	Workers int
}

// Each compares checkpoint a with b and calls visit with the finding about
// every name of either, the same ones included, in order of name.
func Each(ctx context.Context, a, b *checkpoint.Reader, o *Options, visit func(Difference) error) error {
	if o == nil {
		o = &Options{}
	}
	names := o.Names
	if names == nil {
		names = union(a.Tensors(), b.Tensors())
	}
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return parallel.InOrder(ctx, len(names), workers,
		func(ctx context.Context, i int) (Difference, error) { return compare(ctx, a, b, names[i], o.Tolerance) },
		func(_ int, d Difference) error { return visit(d) })
}

func union(a, b []checkpoint.TensorInfo) []string {
	names := make([]string, 0, max(len(a), len(b)))
	for _, t := range a {
		names = append(names, t.Name)
	}
	for _, t := range b {
		names = append(names, t.Name)
	}
	sort.Strings(names)
	return slices.Compact(names)
}

func compare(ctx context.Context, a, b *checkpoint.Reader, name string, tolerance float64) (Difference, error) {
	d := Difference{Name: name}
	before, inA := a.Lookup(name)
	after, inB := b.Lookup(name)
	if inA {
		d.Before = &before
	}
	if inB {
		d.After = &after
	}
	switch {
	case !inA && !inB:
		_, err := a.ReadBytes(ctx, name) // the error that says so
		return d, err
	case !inA:
		d.Kind = Added
		return d, nil
	case !inB:
		d.Kind = Removed
		return d, nil
	case before.DType != after.DType:
		d.Kind = Retyped
		return d, nil
	case !slices.Equal(before.Shape, after.Shape):
		d.Kind = Reshaped
		return d, nil
	}
	var err error
	d.Values, err = compareValues(ctx, a, b, &before, tolerance)
	d.Kind = Same
	if d.Values != nil && d.Values.Different > 0 {
		d.Kind = Changed
	}
	return d, err
}
