package saver_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// One program saves; another, which doesn't have the code of the model, goes on
// with the files alone.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "saver")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	path, err := train(ctx, filepath.Join(dir, "model"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("saved", filepath.Base(path))

	g := tf.NewGraph()
	s, err := saver.ImportMetaGraph(g, path+".meta", nil)
	if err != nil {
		log.Fatal(err)
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sess.Close()
	if err := restore(s, sess, path); err != nil {
		log.Fatal(err)
	}
	w := g.GlobalVariables()[0]
	got, err := sess.Run(ctx, nil, []tf.Output{w.Value()}, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tf.Release(got...)
	fmt.Println("restored", w.Name(), got[0].Value())
	// Output:
	// saved model-1000
	// restored w [1 1]
}

func train(ctx context.Context, path string) (string, error) {
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "w", tf.Ones(2), nil)
	if err != nil {
		return "", err
	}
	s, err := saver.New(g, nil) // every variable; the last five checkpoints stay
	if err != nil {
		return "", err
	}
	defer s.Close()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return "", err
	}
	defer sess.Close()
	if err := sess.RunOps(ctx, w.Initializer()); err != nil {
		return "", err
	}
	return s.Save(ctx, sess, path, &saver.SaveOptions{GlobalStep: saver.Step(1000)})
}

// The checkpoints of a cluster whose machines share no folder lie here, with this
// process.
func ExampleGatherOptions() {
	save := func(ctx context.Context, g *tf.Graph, spec *cluster.Spec, step *tf.Variable) (string, error) {
		s, err := saver.New(g, &saver.Options{
			Sharded: true,
			Driver:  saver.Files,
			Gather:  &saver.GatherOptions{Cluster: spec},
		})
		if err != nil {
			return "", err
		}
		defer s.Close()
		sess, err := tf.NewSession(g, &tf.SessionOptions{Target: "grpc://worker0:2222", OperationTimeout: 30 * time.Second})
		if err != nil {
			return "", err
		}
		defer sess.Close()
		return s.Save(ctx, sess, "ckpt/model", &saver.SaveOptions{GlobalStep: saver.Step(step)})
	}
	_ = save // it needs a cluster
}
