package autodiff

import "github.com/tfkeep/tfkeep/capi"

// The gradients of batch normalization, as in tensorflow/python/ops/nn_grad.py and
// nn_fused_batch_norm_grad.py. The second one is the formula of the first one, differentiated.

func init() {
	addRules(map[string]rule{
		"FusedBatchNormGrad":   batchNormGrad,
		"FusedBatchNormGradV2": batchNormGrad,
		"FusedBatchNormGradV3": batchNormGrad,
	})
}

// batchNormOps are the gradients of the versions of batch normalization.
var batchNormOps = map[string]string{
	"FusedBatchNorm": "FusedBatchNormGrad", "FusedBatchNormV2": "FusedBatchNormGradV2", "FusedBatchNormV3": "FusedBatchNormGradV3",
}

// toLast and fromLast move the channels behind the other dimensions, and back.
var (
	toLast   = map[string][]int32{"NCHW": {0, 2, 3, 1}, "NCDHW": {0, 2, 3, 4, 1}}
	fromLast = map[string][]int32{"NCHW": {0, 3, 1, 2}, "NCDHW": {0, 4, 1, 2, 3}}
)

// fusedBatchNorm uses the outputs from 3 on in training. Otherwise it uses the given mean and
// variance, and then the kernel supports only the layout with channels last.
func fusedBatchNorm(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	if dy[0].IsNone() {
		return nil, nil
	}
	a, err := copyAttrs(n, "epsilon", "data_format", "is_training")
	if err != nil {
		return nil, err
	}
	x, scale, grad := n.x(0), n.x(1), b.dense(dy[0])
	mean, variance := n.y(3), n.y(4)
	layout := n.text("data_format")
	transposed := !n.flag("is_training") && toLast[layout] != nil
	if !n.flag("is_training") {
		mean, variance = n.x(3), n.x(4)
	}
	if transposed {
		x, grad = b.one("Transpose", nil, x, b.int32s(toLast[layout]...)), b.one("Transpose", nil, grad, b.int32s(toLast[layout]...))
		a["data_format"] = map[string]string{"NCHW": "NHWC", "NCDHW": "NDHWC"}[layout]
	}
	inputs := []input{grad, x, scale, mean, variance}
	if n.typ == "FusedBatchNormV3" {
		inputs = append(inputs, n.y(5))
	}
	d := b.several(batchNormOps[n.typ], a, 3, inputs...)
	if transposed {
		d[0] = b.one("Transpose", nil, d[0], b.int32s(fromLast[layout]...))
	}
	return grads(d...), b.Err()
}

func batchNormGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	if b.Err() != nil {
		return nil, b.Err()
	}
	f := &batchNorm{builder: b, grad: b.Value("Identity", "grad_y", n.x(0)), x: b.Value("Identity", "x", n.x(1)), scale: b.Value("Identity", "scale", n.x(2)), mean: n.x(3), variance: n.x(4)}
	xs := []output{f.grad, f.x, f.scale}
	if err := f.readAttrs(n); err != nil {
		return nil, err
	}
	ys := f.gradients()
	var dys []output
	for i := range ys {
		dys = append(dys, b.orZeros(n, dy, i))
	}
	if b.Err() != nil {
		return nil, b.Err()
	}
	return build(b.graph, ys, xs, &Options{GradYs: dys, Name: b.Scope() + "/second", UniqueName: b.uniqueName})
}

// batchNorm is the gradient of a batch normalization as a formula.
type batchNorm struct {
	*builder
	grad, x, scale, mean, variance output
	epsilon                        float64
	training                       bool
	axes                           output // all dimensions but the channels
	lead                           output // the shape that aligns a vector of channels
}

func (f *batchNorm) readAttrs(n *node) error {
	v, err := capi.Attr(n.op, "epsilon")
	if err != nil {
		return err
	}
	f.epsilon, f.training = float64(v.GetF()), n.flag("is_training")
	axes := map[string][]int32{"NHWC": {0, 1, 2}, "NDHWC": {0, 1, 2, 3}, "NCHW": {0, 2, 3}, "NCDHW": {0, 2, 3, 4}}[n.text("data_format")]
	if axes == nil {
		return noGradient(n)
	}
	f.axes = f.int32s(axes...)
	lead := []int32{-1}
	if axes[1] == 2 {
		for range len(axes) - 1 {
			lead = append(lead, 1)
		}
	}
	f.lead = f.int32s(lead...)
	return nil
}

func (f *batchNorm) channels(x output) output { return f.reshape(x, f.lead) }

// average returns the mean over all dimensions but the channels, aligned with x.
func (f *batchNorm) average(x output) output {
	return f.channels(f.one("Mean", attrs{"keep_dims": false}, x, f.axes))
}

func (f *batchNorm) sum(x output) output { return f.sumOver(x, f.axes, false) }

// gradients returns those of the input, the scale and the offset.
func (f *batchNorm) gradients() []output {
	x, grad := f.castLike(f.x, f.scale), f.castLike(f.grad, f.scale)
	offset := f.sum(grad)
	if !f.training {
		factor := f.one("Rsqrt", nil, f.offset(f.channels(f.variance), f.epsilon))
		dScale := f.sum(f.mul(f.mul(grad, f.minus(x, f.channels(f.mean))), factor))
		dx := f.mul(f.mul(grad, f.channels(f.scale)), factor)
		return []output{f.castLike(dx, f.x), dScale, offset}
	}
	centered := f.minus(x, f.average(x))
	variance := f.offset(f.average(f.square(f.minus(x, f.one("StopGradient", nil, f.average(x))))), f.epsilon)
	factor := f.one("Rsqrt", nil, variance)
	both := f.mul(grad, centered)
	part := f.mul(f.mul(f.one("Reciprocal", nil, variance), f.average(both)), centered)
	dx := f.mul(f.mul(f.channels(f.scale), factor), f.minus(f.minus(grad, f.average(grad)), part))
	dScale := f.mul(f.reshape(factor, f.int32s(-1)), f.sum(both))
	return []output{f.castLike(dx, f.x), dScale, offset}
}
