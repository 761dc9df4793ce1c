package tf

import (
	"unsafe"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// Element is a Go type for the elements of a tensor.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 |
		float32 | float64 | complex64 | complex128
}

// elementType returns the element type of tensors of T.
func elementType[T Element]() dtype.DataType {
	var zero T
	switch any(zero).(type) {
	case bool:
		return dtype.Bool
	case int8:
		return dtype.Int8
	case int16:
		return dtype.Int16
	case int32:
		return dtype.Int32
	case int64:
		return dtype.Int64
	case uint8:
		return dtype.Uint8
	case uint16:
		return dtype.Uint16
	case uint32:
		return dtype.Uint32
	case uint64:
		return dtype.Uint64
	case float32:
		return dtype.Float32
	case float64:
		return dtype.Float64
	case complex64:
		return dtype.Complex64
	default:
		return dtype.Complex128
	}
}

// Elements returns the elements of t in row-major order, without a copy: they are the memory of
// t, and valid until t is released or gets another value. Do not write into them: TensorFlow may use
// the same memory, for example for a variable; see SetElements. The error is of the kind
// status.InvalidArgument if t has elements of another type.
func Elements[T Element](t *Tensor) ([]T, error) {
	view, _, err := elementsOf[T](t)
	if err != nil {
		return nil, &tfkeep.Error{Op: "elements of tensor", Cause: err}
	}
	return view, nil
}

// elementsOf also reports whether something else uses the same memory.
func elementsOf[T Element](t *Tensor) (view []T, shared bool, err error) {
	has, raw, shared, err := capi.Contents(t)
	if err != nil {
		return nil, false, err
	}
	if want := elementType[T](); has != want {
		return nil, false, invalidf("the tensor has elements of %s, not of %s", dtype.Name(has), dtype.Name(want))
	}
	if len(raw) == 0 {
		return nil, shared, nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)/int(unsafe.Sizeof(*new(T)))), shared, nil
}

// SetElements copies values, which are in row-major order, into t, so that a loop can feed the same
// tensor in each of its steps. If TensorFlow still uses the memory of t, for example for a variable that
// was assigned from it, t gets memory of its own, and the variable keeps its value. The error is
// of the kind status.InvalidArgument if values do not have the type and number of t's elements.
func SetElements[T Element](t *Tensor, values []T) error {
	if err := setElements(t, values); err != nil {
		return &tfkeep.Error{Op: "set elements of tensor", Cause: err}
	}
	return nil
}

func setElements[T Element](t *Tensor, values []T) error {
	view, shared, err := elementsOf[T](t)
	if err != nil {
		return err
	}
	if len(values) != len(view) {
		return invalidf("the tensor has %d elements (shape %v), and %d values were given", len(view), t.Shape(), len(values))
	}
	if shared && len(values) > 0 {
		if err := capi.Renew(t); err != nil {
			return err
		}
		if view, _, err = elementsOf[T](t); err != nil {
			return err
		}
	}
	copy(view, values)
	return nil
}
