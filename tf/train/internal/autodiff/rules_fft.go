package autodiff

import (
	"math"

	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// The rules of Fourier transforms, as in tensorflow/python/ops/signal/fft_ops.py, and of complex
// numbers.

func init() {
	addRules(map[string]rule{
		"FFT": fourier("IFFT", 1, true), "FFT2D": fourier("IFFT2D", 2, true), "FFT3D": fourier("IFFT3D", 3, true),
		"IFFT": fourier("FFT", 1, false), "IFFT2D": fourier("FFT2D", 2, false), "IFFT3D": fourier("FFT3D", 3, false),
		"RFFT": formula(realFourier(1)), "RFFT2D": formula(realFourier(2)),
		"IRFFT": formula(inverseRealFourier(1)), "IRFFT2D": formula(inverseRealFourier(2)),

		"Real": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.complexOf(n.x(0), grad, b.zeros(grad)))
		}),
		"Imag": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.complexOf(n.x(0), b.zeros(grad), grad))
		}),
		"Complex": formula(func(b *builder, n *node, grad output) []Gradient {
			shapes := b.several("BroadcastGradientArgs", nil, 2, b.one("Shape", nil, n.x(0)), b.one("Shape", nil, n.x(1)))
			part := func(op string, i int) output {
				sum := b.sumOver(b.one(op, attrs{"Tout": n.x(i).DataType()}, grad), shapes[i], false)
				return b.reshape(sum, b.one("Shape", nil, n.x(i)))
			}
			return grads(part("Real", 0), part("Imag", 1))
		}),
		"Angle": formula(func(b *builder, n *node, grad output) []Gradient {
			x, out := n.x(0), attrs{"Tout": grad.DataType()}
			turned := b.complexOf(x, b.one("Imag", out, x), b.one("Real", out, x))
			return grads(b.mul(b.neg(b.complexOf(x, grad, b.zeros(grad))), b.one("Reciprocal", nil, turned)))
		}),
	})
}

// complexOf makes complex numbers of the type of like.
func (b *builder) complexOf(like, re, im output) output {
	if b.Err() != nil {
		return output{}
	}
	return b.one("Complex", attrs{"Tout": graphbuild.TypeOf(like)}, re, im)
}

// transformSize returns the number of elements in the last dimensions.
func (b *builder) transformSize(x output, rank int32) output {
	shape := b.one("Shape", nil, x)
	last := b.one("StridedSlice", attrs{"end_mask": int64(1)}, shape, b.int32s(-rank), b.int32s(0), b.int32s(1))
	return b.one("Prod", nil, last, b.int32(0))
}

// fourier makes the rule of a transform from its inverse. The forward one is not scaled.
func fourier(inverse string, rank int32, forward bool) rule {
	return formula(func(b *builder, _ *node, grad output) []Gradient {
		size := b.castLike(b.transformSize(grad, rank), grad)
		dx := b.one(inverse, nil, grad)
		if forward {
			return grads(b.mul(dx, size))
		}
		return grads(b.over(dx, size))
	})
}

// count returns 0, 1, … as a vector of a length.
func (b *builder) count(length output) output {
	return b.one("Range", nil, b.int32(0), length, b.int32(1))
}

// odd returns 1 if a number is odd, and 0 if it is even.
func (b *builder) odd(x output) output { return b.one("FloorMod", nil, x, b.int32(2)) }

// realFourier is the gradient of a transform of real numbers: the inverse transform, and what
// the half of the spectrum that it drops would have added.
func realFourier(rank int32) func(b *builder, n *node, grad output) []Gradient {
	op := map[int32]string{1: "IRFFT", 2: "IRFFT2D"}[rank]
	return func(b *builder, n *node, grad output) []Gradient {
		if b.Err() != nil {
			return nil
		}
		x, length, inner := n.x(0), n.x(1), graphbuild.TypeOf(n.x(0))
		even := b.castLike(b.minus(b.int32(1), b.odd(b.element(length, -1))), grad)
		shape := b.one("Shape", nil, x)
		width := b.element(shape, -1)
		signs := b.castLike(b.minus(b.int32(1), b.mul(b.int32(2), b.odd(b.count(width)))), grad)
		first, last := b.part(grad, 1, 0, 1), b.part(grad, 1, -1, 0)
		if rank == 2 {
			turns := b.turns(b.element(shape, -2), grad)
			first = b.matmul(turns, b.one("Conj", nil, first), false, false)
			last = b.matmul(turns, b.one("Conj", nil, last), false, false)
		}
		extra := b.plus(first, b.mul(b.mul(even, last), signs))
		size := b.Cast(b.transformSize(x, rank), inner)
		dx := b.mul(b.one(op, attrs{"Treal": inner}, grad, length), size)
		return grads(b.times(b.plus(dx, b.realPart(extra)), 0.5))
	}
}

// turns returns the matrix exp(-2πi·jk/length) in the type of like.
func (b *builder) turns(length, like output) output {
	if b.Err() != nil {
		return output{}
	}
	numbers := b.count(length)
	products := b.mul(b.expand(numbers, 0), b.expand(numbers, 1))
	inner := realTypeOf(graphbuild.TypeOf(like))
	angle := b.over(b.times(b.Cast(products, inner), -2*math.Pi), b.Cast(length, inner))
	return b.one("Complex", attrs{"Tout": graphbuild.TypeOf(like)}, b.one("Cos", nil, angle), b.one("Sin", nil, angle))
}

// inverseRealFourier is the gradient of the inverse transform: the numbers of the spectrum that
// stand for two count twice.
func inverseRealFourier(rank int32) func(b *builder, n *node, grad output) []Gradient {
	op := map[int32]string{1: "RFFT", 2: "RFFT2D"}[rank]
	return func(b *builder, n *node, grad output) []Gradient {
		if b.Err() != nil {
			return nil
		}
		x, length := n.x(0), n.x(1)
		odd := b.odd(b.element(length, -1))
		width := b.element(b.one("Shape", nil, x), -1)
		fill := func(count output, v float64) output { return b.one("Fill", nil, b.expand(count, 0), b.scalar(v, grad)) }
		twice := fill(b.plus(b.one("Sub", nil, width, b.int32(2)), odd), 2)
		mask := b.concat(fill(b.int32(1), 1), twice, fill(b.minus(b.int32(1), odd), 1))
		scale := b.over(mask, b.castLike(b.transformSize(grad, rank), grad))
		spectrum := b.one(op, attrs{"Tcomplex": graphbuild.TypeOf(x)}, grad, length)
		return grads(b.mul(spectrum, b.complexOf(x, scale, b.zeros(scale))))
	}
}
