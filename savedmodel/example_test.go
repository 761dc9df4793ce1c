package savedmodel_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// Export a model as the next version of a folder, load it, and run its signature.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	g := tf.NewGraph()
	x := op.Placeholder(g.Scope().Sub("x"), tensorflow.Float, op.PlaceholderShape(tf.MakeShape(-1)))
	w, err := tf.NewVariable(g, "w", tf.Constant(float32(3)), nil)
	if err != nil {
		log.Fatal(err)
	}
	y := op.Mul(g.Scope().Sub("y"), x, w.Value())
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sess.Close()
	if err := sess.RunOps(ctx, w.Initializer()); err != nil {
		log.Fatal(err)
	}

	// The versions are models/1, models/2, and so on. Save makes one visible in one step.
	sig, err := savedmodel.PredictSignature(map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y})
	if err != nil {
		log.Fatal(err)
	}
	b, err := savedmodel.NewVersion(filepath.Join(dir, "models"), &savedmodel.BuilderOptions{Manifest: true, KeepVersions: 3})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	err = b.AddMetaGraphAndVariables(ctx, sess, []string{signature.ServingTag}, &savedmodel.GraphOptions{
		Signatures: map[string]*graphdef.SignatureDef{signature.DefaultServingKey: sig},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := b.Save(ctx); err != nil {
		log.Fatal(err)
	}

	m, err := savedmodel.Open(ctx, b.Dir(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	in, err := tf.NewTensor([]float32{1, 2})
	if err != nil {
		log.Fatal(err)
	}
	defer tf.Release(in)
	out, err := m.Predict(ctx, signature.DefaultServingKey, map[string]*tf.Tensor{"x": in})
	if err != nil {
		log.Fatal(err)
	}
	defer tf.Release(out["y"])
	fmt.Println(filepath.Base(b.Dir()), out["y"].Value())
	// Output: 1 [3 6]
}
