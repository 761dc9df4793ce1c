package freeze

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// elements are the keys or the values of a table: strings, or the little-endian bytes of
// numbers.
type elements struct {
	dtype dtype.DataType
	shape []int64
	list  []string
}

func (e *elements) equal(o *elements) bool {
	return e.dtype == o.dtype && slices.Equal(e.shape, o.shape) && slices.Equal(e.list, o.list)
}

// pick returns some elements of a vector.
func (e *elements) pick(indices []int) *elements {
	p := &elements{dtype: e.dtype, shape: []int64{int64(len(indices))}}
	for _, i := range indices {
		p.list = append(p.list, e.list[i])
	}
	return p
}

// split cuts the bytes of numbers into elements.
func (e *elements) split(data []byte) error {
	size := dtype.Size(e.dtype)
	count, ok := dtype.NumElements(e.shape)
	if size <= 0 || !ok || count*int64(size) != int64(len(data)) {
		return fmt.Errorf("%d bytes are not a tensor of %s of shape %v", len(data), dtype.Name(e.dtype), e.shape)
	}
	for chunk := range slices.Chunk(data, max(size, 1)) {
		e.list = append(e.list, string(chunk))
	}
	return nil
}

// elementsOf returns the elements of a constant.
func elementsOf(t *tensorpb.TensorProto) (*elements, error) {
	shape, ok := nodedef.Dims(t.GetTensorShape())
	count, fits := dtype.NumElements(shape)
	if !ok || !fits || count > maxVocabulary/4 {
		return nil, fmt.Errorf("%w: a constant has the shape %v", tfkeep.ErrTooLarge, shape)
	}
	e := &elements{dtype: t.GetDtype(), shape: shape}
	if len(t.TensorContent) > 0 {
		return e, e.split(t.TensorContent)
	}
	switch e.dtype {
	case dtype.String:
		for _, s := range t.StringVal {
			e.list = append(e.list, string(s))
		}
	case dtype.Int64:
		for _, v := range t.Int64Val {
			e.list = append(e.list, string(binary.LittleEndian.AppendUint64(nil, uint64(v))))
		}
	case dtype.Int32:
		for _, v := range t.IntVal {
			e.list = append(e.list, string(binary.LittleEndian.AppendUint32(nil, uint32(v))))
		}
	case dtype.Float32:
		for _, v := range t.FloatVal {
			e.list = append(e.list, string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))))
		}
	case dtype.Float64:
		for _, v := range t.DoubleVal {
			e.list = append(e.list, string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))))
		}
	case dtype.Bool:
		for _, v := range t.BoolVal {
			if v {
				e.list = append(e.list, "\x01")
			} else {
				e.list = append(e.list, "\x00")
			}
		}
	default:
		return nil, fmt.Errorf("constants of %s are not known in lookup tables", dtype.Name(e.dtype))
	}
	switch {
	case int64(len(e.list)) > count:
		return nil, fmt.Errorf("a constant has %d values and the shape %v", len(e.list), shape)
	case len(e.list) == 0 && count > 0:
		return nil, fmt.Errorf("a constant of shape %v has no values", shape)
	}
	for int64(len(e.list)) < count { // the last value stands for the rest
		e.list = append(e.list, e.list[len(e.list)-1])
	}
	return e, nil
}

// readElements reads the elements of a tensor of a checkpoint.
func readElements(ctx context.Context, src checkpoint.Source, info checkpoint.TensorInfo) (*elements, error) {
	e := &elements{dtype: info.DType, shape: info.Shape}
	if info.Bytes > maxVocabulary {
		return nil, fmt.Errorf("%w: %q has %d bytes", tfkeep.ErrTooLarge, info.Name, info.Bytes)
	}
	if e.dtype == dtype.String {
		list, err := src.ReadStrings(ctx, info.Name, nil)
		for _, s := range list {
			e.list = append(e.list, string(s))
		}
		return e, err
	}
	r, err := src.OpenTensor(ctx, info.Name, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return e, e.split(data)
}

// proto returns the elements as a tensor.
func (e *elements) proto() *tensorpb.TensorProto {
	t := &tensorpb.TensorProto{Dtype: e.dtype, TensorShape: nodedef.ShapeProto(e.shape)}
	if e.dtype == dtype.String {
		for _, s := range e.list {
			t.StringVal = append(t.StringVal, []byte(s))
		}
		return t
	}
	t.TensorContent = []byte(strings.Join(e.list, ""))
	return t
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
