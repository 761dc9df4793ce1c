package diff

import (
	"context"
	"iter"
	"runtime"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// Kind is the kind of a difference.
type Kind string

// The kinds, as the command prints them.
const (
	Same     Kind = "same"
	Added    Kind = "added"    // only in the second checkpoint
	Removed  Kind = "removed"  // only in the first checkpoint
	Retyped  Kind = "retyped"  // another data type; the shape may differ, too
	Reshaped Kind = "reshaped" // another shape, the same type
	Changed  Kind = "changed"  // other values, the same type and shape
)

// Difference is the result of comparing the tensors of one name.
type Difference struct {
	Name string
	Kind Kind
	// Before and After are the tensors in the first and the second checkpoint. One of
	// them is nil if Kind is Added or Removed.
	Before, After *checkpoint.TensorInfo
	// Values is how far the values are apart. It is set for Changed, and for Same, for
	// which it counts the differences within the tolerance. It is nil for other kinds and
	// for types without values.
	Values *Values
}

// Options are the options of [Compare]. The zero value, and nil, have the right defaults.
type Options struct {
	// Tolerance is how far apart two equal numbers may be: |a-b| <= Tolerance. The real
	// and imaginary parts of complex numbers are compared separately.
	Tolerance float64
	// Names are the tensors to compare; nil means all of both checkpoints.
	Names []string
	// Workers is the largest number of tensors that are compared at once; 0 means
	// runtime.GOMAXPROCS(0).
	Workers int
}

// Compare compares the checkpoints a and b. It yields a Difference for each name of
// either, equal tensors included, sorted by name. It stops after the first error: that of
// a read, that of ctx, or a tfkeep.ErrNotFound for a name in Options.Names that neither
// checkpoint has.
func Compare(ctx context.Context, a, b *checkpoint.Reader, opts *Options) iter.Seq2[Difference, error] {
	if a == nil || b == nil {
		return func(yield func(Difference, error) bool) { yield(Difference{}, argcheck.Nil("compare", "", "Reader")) }
	}
	if opts == nil {
		opts = &Options{}
	}
	names := opts.Names
	if names == nil {
		names = union(a, b)
	}
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return parallel.InOrder(ctx, len(names), workers, func(ctx context.Context, i int) (Difference, error) {
		return compare(ctx, a, b, names[i], opts.Tolerance)
	})
}

// union returns the names of the tensors of both checkpoints, sorted.
func union(a, b *checkpoint.Reader) []string {
	var names []string
	for t := range a.Tensors() {
		names = append(names, t.Name)
	}
	for t := range b.Tensors() {
		names = append(names, t.Name)
	}
	slices.Sort(names)
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
		_, err := a.ReadBytes(ctx, name, nil) // fails, and names the tensor
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
