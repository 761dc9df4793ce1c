package capi_test

import (
	"errors"
	"fmt"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/status"
)

// A step is prepared once and run many times. Its results are released at once.
func ExampleNewStep() {
	g := tensorflow.NewGraph()
	x, err := capi.AddOperation(g, tensorflow.OpSpec{Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": tensorflow.Float}})
	if err != nil {
		fmt.Println(err)
		return
	}
	square, err := capi.AddOperation(g, tensorflow.OpSpec{Type: "Square", Input: []tensorflow.Input{x.Output(0)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := capi.NewSession(g, "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = capi.CloseSession(session) }()

	step, err := capi.NewStep(session, g, []tensorflow.Output{x.Output(0)}, []tensorflow.Output{square.Output(0)}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer step.Close()
	results := make([]*tensorflow.Tensor, 1)
	for _, v := range []float32{2, 3} {
		in, err := tensorflow.NewTensor(v)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := step.Run([]*tensorflow.Tensor{in}, results, nil, nil); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(results[0].Value())
		capi.Release(in)
		capi.Release(results[0])
	}
	// Output:
	// 4
	// 9
}

// An operation without an input is an error, where C would end the process.
func ExampleAddOperation() {
	_, err := capi.AddOperation(tensorflow.NewGraph(), tensorflow.OpSpec{Type: "Identity", Input: []tensorflow.Input{tensorflow.Output{}}})
	fmt.Println(errors.Is(err, status.InvalidArgument))
	// Output: true
}
