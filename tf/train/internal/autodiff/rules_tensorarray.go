package autodiff

import (
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// A TensorArray of TensorFlow 1 is a resource. Its operations pass a number on, the flow, only
// to be ordered by it. The gradient of the array is another one, which TensorArrayGradV3 makes at
// the first use, and the gradient of the flow orders the operations on it: all writes are
// before the reads.

// gradientArray returns the TensorArray of the gradients and its flow, after flow.
func (b *builder) gradientArray(handle, flow output) (array, after output) {
	op := b.Op("TensorArrayGradV3", attrs{"source": b.source()}, handle, flow)
	if op == nil {
		return output{}, output{}
	}
	// Python writes after the array is made.
	return op.Output(0), b.afterFlow(op.Output(1), flow)
}

// afterFlow returns flow as a tensor that waits for made.
func (b *builder) afterFlow(made, flow output) output {
	if b.Err() != nil {
		return output{}
	}
	wait := *b
	wait.Builder = b.After(made.Op)
	return wait.one("Identity", nil, flow)
}

// written returns the gradients of an operation that takes tensors out of the array: they are
// written into the array of gradients.
func written(b *builder, n *node, flow int, write func(array, after output) output) ([]Gradient, error) {
	array, after := b.gradientArray(n.in[0].output(), n.in[flow].output())
	dx := make([]Gradient, len(n.in))
	dx[flow] = Gradient{Dense: write(array, after)}
	return dx, b.Err()
}

func arrayRead(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return written(b, n, 2, func(array, after output) output {
		return b.one("TensorArrayWriteV3", nil, array, n.in[1].output(), b.dense(dy[0]), after)
	})
}

func arrayGather(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return written(b, n, 2, func(array, after output) output {
		return b.one("TensorArrayScatterV3", nil, array, n.in[1].output(), b.dense(dy[0]), after)
	})
}

func arrayConcat(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return written(b, n, 1, func(array, after output) output {
		return b.one("TensorArraySplitV3", nil, array, b.dense(dy[0]), n.op.Output(1), after)
	})
}

// read returns the gradients of an operation that puts tensors into the array. value and flow
// are the positions of these inputs; the last one is the flow.
func read(b *builder, n *node, dy Gradient, value int, take func(array, after output) output) ([]Gradient, error) {
	flow := b.dense(dy)
	if b.Err() != nil {
		return nil, b.Err()
	}
	// The array of gradients takes its size from the array, so that it has to wait until the
	// array is complete.
	complete := b.one("Identity", nil, n.op.Output(0))
	barrier := b.afterFlow(complete, flow)
	array, after := b.gradientArray(n.in[0].output(), barrier)
	dx := make([]Gradient, len(n.in))
	dx[value] = Gradient{Dense: take(array, after)}
	dx[len(dx)-1] = Gradient{Dense: barrier}
	return dx, b.Err()
}

func arrayWrite(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return read(b, n, dy[0], 2, func(array, after output) output {
		return b.one("TensorArrayReadV3", attrs{"dtype": b.valueType(n, 2)}, array, n.in[1].output(), after)
	})
}

func arrayScatter(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return read(b, n, dy[0], 2, func(array, after output) output {
		return b.one("TensorArrayGatherV3", attrs{"dtype": b.valueType(n, 2)}, array, n.in[1].output(), after)
	})
}

func arraySplit(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return read(b, n, dy[0], 1, func(array, after output) output {
		return b.one("TensorArrayConcatV3", attrs{"dtype": b.valueType(n, 1)}, array, after)
	})
}

func (b *builder) valueType(n *node, input int) dtype.DataType {
	return graphbuild.TypeOf(n.in[input].output())
}

// checkArray refuses what has no gradient: arrays that are gradients themselves.
func checkArray(n *node) error {
	if !strings.HasPrefix(n.typ, "TensorArray") || len(n.in) == 0 {
		return nil
	}
	handle := n.in[0].node
	for isForwarding(handle.typ) && len(handle.in) > 0 {
		handle = handle.in[0].node
	}
	if strings.HasPrefix(handle.typ, "TensorArrayGrad") {
		return refuse(n, ErrNoGradient, "a TensorArray that holds gradients cannot be differentiated again")
	}
	return nil
}

// isForwarding reports whether an operation hands a resource on.
func isForwarding(typ string) bool {
	return typ == "Identity" || isEnter(typ) || isSwitch(typ) || isExit(typ)
}
