package autodiff

import (
	"strconv"
	"strings"
)

// The rules of Einsum, as in tensorflow/python/ops/linalg_grad.py, and of XlaEinsum, as in
// special_math_ops.py.

func init() { addRules(map[string]rule{"Einsum": formula(einsum), "XlaEinsum": formula(xlaEinsum)}) }

const ellipsis = "..."

// einsum swaps the labels of the result with those of an input. It broadcasts along labels that
// only this input has, and sums over dimensions of the ellipsis that were broadcast.
func einsum(b *builder, n *node, grad output) []Gradient {
	in, out, _ := strings.Cut(strings.ReplaceAll(n.text("equation"), " ", ""), "->")
	subs := strings.Split(in, ",")
	if len(subs) == 1 {
		return grads(b.einsumWithout(grad, out, subs[0], n.x(0)))
	}
	if len(subs) != 2 {
		b.Fail(noGradient(n))
		return nil
	}
	if strings.Contains(out, ellipsis) {
		for i := range subs {
			if !strings.Contains(subs[i], ellipsis) {
				subs[i] += ellipsis
			}
		}
	}
	d := make([]output, 2)
	for i := range d {
		own, other := subs[i], subs[1-i]
		left := strings.Map(func(label rune) rune {
			if strings.ContainsRune(out+other+".", label) {
				return label
			}
			return -1
		}, own)
		d[i] = b.einsum(out+","+other+"->"+left, grad, b.conj(n.x(1-i)))
		if left != own {
			d[i] = b.einsumWithout(d[i], left, own, n.x(i))
		}
	}
	if !strings.Contains(out, ellipsis) {
		return grads(d...)
	}
	return b.einsumUnbroadcast(n, subs, d)
}

// xlaEinsum swaps the result with an input. Within XLA there is no other way to sum over or
// to broadcast along a dimension, so each label has to be in two of the three tensors.
func xlaEinsum(b *builder, n *node, grad output) []Gradient {
	in, out, _ := strings.Cut(n.text("equation"), "->")
	left, right, _ := strings.Cut(in, ",")
	for _, term := range [][2]string{{left, right + out}, {right, left + out}} {
		for i, label := range term[0] {
			if label == '.' || strings.ContainsRune(term[0][i+1:], label) || !strings.ContainsRune(term[1], label) {
				b.Fail(refuse(n, ErrNoGradient, "the equation "+strconv.Quote(n.text("equation"))+" sums one input by itself or has an ellipsis; use Einsum"))
				return nil
			}
		}
	}
	product := func(equation string, x output) Gradient {
		return Gradient{Dense: b.one("XlaEinsum", attrs{"equation": equation}, grad, b.conj(x))}
	}
	return []Gradient{product(out+","+right+"->"+left, n.x(1)), product(out+","+left+"->"+right, n.x(0))}
}

func (b *builder) einsum(equation string, xs ...output) output {
	return b.one("Einsum", attrs{"equation": equation}, list(xs...))
}

// einsumWithout is the gradient of the labels in of x, from that of the labels out of the result:
// the labels that the result lacks were summed over.
func (b *builder) einsumWithout(grad output, out, in string, x output) output {
	summed := ""
	var dims []output
	shape := b.one("Shape", nil, x)
	for _, label := range in {
		if label != '.' && !strings.ContainsRune(out+summed, label) {
			summed += string(label)
			dims = append(dims, b.expand(b.element(shape, axisOf(in, label)), 0))
		}
	}
	if summed != "" {
		dims = append(dims, b.one("Shape", nil, grad))
		grad = b.one("BroadcastTo", nil, grad, b.concat(dims...))
	}
	return b.einsum(summed+out+"->"+in, grad)
}

// axisOf returns the dimension of a label, counted from the end if it is behind the ellipsis.
func axisOf(subs string, label rune) int32 {
	before, behind, _ := strings.Cut(subs, ellipsis)
	if i := strings.IndexRune(before, label); i >= 0 {
		return int32(i)
	}
	return int32(strings.IndexRune(behind, label) - len(behind))
}

func (b *builder) einsumUnbroadcast(n *node, subs []string, d []output) []Gradient {
	shapes, batches, starts := make([]output, 2), make([]output, 2), make([]int32, 2)
	for i := range d {
		before, behind, _ := strings.Cut(subs[i], ellipsis)
		starts[i] = int32(len(before))
		shapes[i] = b.one("Shape", nil, n.x(i))
		end, a := int32(-len(behind)), attrs{}
		if end == 0 {
			a["end_mask"] = int64(1)
		}
		batches[i] = b.one("StridedSlice", a, shapes[i], b.int32s(starts[i]), b.int32s(end), b.int32s(1))
	}
	along := b.several("BroadcastGradientArgs", nil, 2, batches[0], batches[1])
	for i := range d {
		d[i] = b.reshape(b.sumOver(d[i], b.plus(along[i], b.int32(starts[i])), false), shapes[i])
	}
	return grads(d...)
}
