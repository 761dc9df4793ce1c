package autodiff

import (
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// The rules of operations on TensorLists, as in Python's list_ops.py. The gradient of a list is
// a list.
func init() {
	addRules(map[string]rule{
		"TensorListPushBack": formula(func(b *builder, n *node, dlist output) []Gradient {
			pop := b.several("TensorListPopBack", attrs{"element_dtype": elementType(n)}, 2, dlist, b.shape(n.x(1)))
			return grads(pop[0], pop[1])
		}),
		"TensorListPopBack": popBack,
		"TensorListStack":   formula(listStack),
		"TensorListGather":  formula(listGather),
		"TensorListGetItem": formula(listGetItem),
		"TensorListSetItem": formula(listSetItem),
		"TensorListFromTensor": formula(func(b *builder, n *node, dlist output) []Gradient {
			size := int64(-1)
			if s := n.x(0).Shape(); s.NumDimensions() > 0 {
				size = s.Size(0)
			}
			return grads(b.one("TensorListStack", attrs{"element_dtype": elementType(n), "num_elements": size}, dlist, b.from(b.shape(n.x(0)), 1)))
		}),
		"TensorListConcat":   listConcat,
		"TensorListConcatV2": listConcat,
		"TensorListSplit": formula(func(b *builder, n *node, dlist output) []Gradient {
			shape := b.concat(b.int32s(-1), b.from(b.shape(n.x(0)), 1))
			out := b.several("TensorListConcatV2", attrs{"element_dtype": elementType(n), "shape_type": dtype.Int32}, 2, dlist, shape, n.x(2))
			return grads(out[0])
		}),
		"TensorListResize": formula(func(b *builder, n *node, dlist output) []Gradient {
			return grads(b.one("TensorListResize", nil, dlist, b.listLength(n.x(0))))
		}),
		"TensorListScatter":   formula(listScatter),
		"TensorListScatterV2": formula(listScatter),
		"TensorListScatterIntoExistingList": formula(func(b *builder, n *node, dlist output) []Gradient {
			dtensor := b.one("TensorListGather", attrs{"element_dtype": elementType(n)}, dlist, n.x(2), b.from(b.shape(n.x(1)), 1))
			rest := b.one("TensorListScatterIntoExistingList", attrs{"element_dtype": elementType(n)}, dlist, b.zeros(n.x(1)), n.x(2))
			return grads(rest, dtensor)
		}),
	})
}

// elementType returns the type of the elements of a list.
func elementType(n *node) dtype.DataType {
	v, err := capi.Attr(n.op, "element_dtype")
	if err != nil {
		return 0
	}
	return v.GetType()
}

func (b *builder) listLength(l output) output { return b.one("TensorListLength", nil, l) }

func (b *builder) elementShape(l output) output {
	return b.one("TensorListElementShape", attrs{"shape_type": dtype.Int32}, l)
}

func popBack(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	var dlist, delement output
	if dy[0].IsNone() {
		dlist = b.one("EmptyTensorList", attrs{"element_dtype": elementType(n), "shape_type": dtype.Int32}, b.elementShape(n.y(0)), b.int32(-1))
	} else {
		dlist = b.dense(dy[0])
	}
	if dy[1].IsNone() {
		delement = b.zeros(n.y(1))
	} else {
		delement = b.dense(dy[1])
	}
	return grads(b.one("TensorListPushBack", attrs{"element_dtype": elementType(n)}, dlist, delement)), b.Err()
}

func listStack(b *builder, n *node, dtensor output) []Gradient {
	return grads(b.one("TensorListFromTensor", attrs{"element_dtype": elementType(n), "shape_type": dtype.Int32}, dtensor, b.from(b.shape(dtensor), 1)))
}

func listGather(b *builder, n *node, dtensor output) []Gradient {
	reserved := b.reserveLike(n.x(0), elementType(n))
	return grads(b.one("TensorListScatterIntoExistingList", attrs{"element_dtype": elementType(n)}, reserved, dtensor, n.x(1)))
}

// reserveLike adds a list of the size and element shape of another one.
func (b *builder) reserveLike(l output, elements dtype.DataType) output {
	return b.one("TensorListReserve", attrs{"element_dtype": elements, "shape_type": dtype.Int32}, b.elementShape(l), b.listLength(l))
}

func listGetItem(b *builder, n *node, ditem output) []Gradient {
	reserved := b.reserveLike(n.x(0), graphbuild.TypeOf(ditem))
	return grads(b.one("TensorListSetItem", attrs{"element_dtype": elementType(n)}, reserved, n.x(1), ditem))
}

func listSetItem(b *builder, n *node, dlist output) []Gradient {
	item := n.x(2)
	rest := b.one("TensorListSetItem", attrs{"element_dtype": elementType(n)}, dlist, n.x(1), b.zeros(item))
	if n.flag("resize_if_index_out_of_bounds") {
		rest = b.one("TensorListResize", nil, rest, b.listLength(n.x(0)))
	}
	ditem := b.one("TensorListGetItem", attrs{"element_dtype": elementType(n)}, dlist, n.x(1), b.shape(item))
	return grads(rest, output{}, ditem)
}

func listConcat(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	if dy[0].IsNone() {
		return nil, nil
	}
	dlist := b.one("TensorListSplit", attrs{"element_dtype": elementType(n), "shape_type": dtype.Int32}, b.dense(dy[0]), b.elementShape(n.x(0)), n.y(1))
	return grads(dlist), b.Err()
}

func listScatter(b *builder, n *node, dlist output) []Gradient {
	return grads(b.one("TensorListGather", attrs{"element_dtype": elementType(n)}, dlist, n.x(1), b.from(b.shape(n.x(0)), 1)))
}
