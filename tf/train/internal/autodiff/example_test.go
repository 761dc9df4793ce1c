package autodiff_test

import (
	"fmt"
	"log"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// The derivative of x³ at 2 is 12.
func ExampleBuild() {
	s := tf.NewGraph().Scope()
	x := op.Placeholder(s, tensorflow.Double, op.PlaceholderShape(tensorflow.ScalarShape()))
	y := op.Mul(s, x, op.Square(s, x))
	if err := s.Err(); err != nil {
		log.Fatal(err)
	}
	g := s.Graph().Binding()
	grads, err := autodiff.Build(g, []tensorflow.Output{y}, []tensorflow.Output{x}, nil)
	if err != nil {
		log.Fatal(err)
	}
	sess, err := tensorflow.NewSession(g, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sess.Close()
	two, err := tensorflow.NewTensor(2.0)
	if err != nil {
		log.Fatal(err)
	}
	out, err := sess.Run(map[tensorflow.Output]*tensorflow.Tensor{x: two}, []tensorflow.Output{grads[0].Dense}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0].Value())
	// Output: 12
}
