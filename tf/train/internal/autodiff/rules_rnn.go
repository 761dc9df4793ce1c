package autodiff

// The rules of recurrent layers and of losses over sequences, as in
// tensorflow/python/ops/rnn_grad.py, cudnn_rnn_grad.py and ctc_ops.py.

func init() {
	addRules(map[string]rule{
		"BlockLSTM":   blockLSTM,
		"BlockLSTMV2": blockLSTM,
		"CudnnRNN":    cudnnRNN("CudnnRNNBackprop", "rnn_mode", "input_mode", "direction", "dropout", "seed", "seed2"),
		"CudnnRNNV2":  cudnnRNN("CudnnRNNBackpropV2", "rnn_mode", "input_mode", "direction", "dropout", "seed", "seed2"),
		"CudnnRNNV3":  cudnnRNN("CudnnRNNBackpropV3", "rnn_mode", "input_mode", "direction", "dropout", "seed", "seed2", "num_proj", "time_major"),
		"CTCLoss":     formula(ctcLoss),
		"CTCLossV2":   formula(ctcLoss),
	})
}

// blockLSTM takes the gradients of the cell states and of the outputs; Python ignores those of
// the gates.
func blockLSTM(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "use_peephole")
	if err != nil {
		return nil, err
	}
	var inputs []input
	for i := range n.in {
		inputs = append(inputs, n.x(i))
	}
	for i := range 7 {
		inputs = append(inputs, n.y(i))
	}
	inputs = append(inputs, b.orZeros(n, dy, 1), b.orZeros(n, dy, 6))
	return grads(append([]output{none}, b.several("BlockLSTMGrad", a, 8, inputs...)...)...), b.Err()
}

// cudnnRNN makes the rule of a layer whose inputs are the values, two states and the
// parameters, and in V3 the lengths.
func cudnnRNN(op string, names ...string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		a, err := copyAttrs(n, names...)
		if err != nil {
			return nil, err
		}
		if !n.flag("is_training") {
			return nil, refuse(n, ErrNoGradient, "the gradient exists only with is_training=True")
		}
		var inputs []input
		for i := range n.in {
			inputs = append(inputs, n.x(i))
		}
		inputs = append(inputs, n.y(0), n.y(1), n.y(2), b.orZeros(n, dy, 0), b.orZeros(n, dy, 1), b.orZeros(n, dy, 2))
		for i := 3; i < len(n.live); i++ {
			inputs = append(inputs, n.y(i))
		}
		return grads(b.several(op, a, 4, inputs...)...), b.Err()
	}
}

// ctcLoss uses the second output: the gradient of the loss with respect to the inputs.
func ctcLoss(b *builder, n *node, grad output) []Gradient {
	const message = "ctc_loss has no second derivative: its kernel computes the loss and the gradient together"
	fixed := b.one("PreventGradient", attrs{"message": message}, n.y(1))
	return grads(b.mul(b.expand(grad, -1), fixed))
}
