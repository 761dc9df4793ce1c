package saver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// One program trains and saves. Another one, which does not have the code of the model,
// continues with the files.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "saver")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	path, err := saveModel(ctx, filepath.Join(folder, "model"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("saved", filepath.Base(path))

	g := tf.NewGraph()
	s, err := saver.ImportMetaGraph(ctx, g, path+".meta", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sess.Close()
	report, err := s.Restore(ctx, sess, path, nil)
	if err != nil {
		log.Fatal(err)
	}
	w := g.GlobalVariables()[0]
	got, err := sess.Run(ctx, nil, []tf.Output{w.Value()}, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tf.Release(got...)
	fmt.Println("restored", report.Restored, got[0].Value())
	// Output:
	// saved model-1000
	// restored [w] [1 1]
}

// saveModel makes a graph with one variable and saves it.
func saveModel(ctx context.Context, path string) (string, error) {
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "w", tf.Ones(2), nil)
	if err != nil {
		return "", err
	}
	s, err := saver.New(g, nil) // all variables; keeps the last five checkpoints
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

// A training that continues where it was interrupted. The first time, the folder has no
// checkpoint, and the variables are initialized.
func ExampleSaver_Resume() {
	folder, err := os.MkdirTemp("", "saver")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for range 2 {
		if err := trainThreeSteps(context.Background(), folder); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// begins
	// saved model-3
	// continues at step 3
	// saved model-6
}

func trainThreeSteps(ctx context.Context, folder string) (err error) {
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "w", tf.Ones(2), nil)
	if err != nil {
		return err
	}
	s, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()

	from, err := s.Resume(ctx, sess, folder, nil)
	if err != nil {
		return err
	}
	step := max(from.Step, 0)
	if from.Fresh {
		fmt.Println("begins")
		if err := sess.RunOps(ctx, w.Initializer()); err != nil {
			return err
		}
	} else {
		fmt.Println("continues at step", step)
	}
	for range 3 {
		step++ // train
	}
	path, err := s.Save(ctx, sess, filepath.Join(folder, "model"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
	if err == nil {
		fmt.Println("saved", filepath.Base(path))
	}
	return err
}

// A Saver may save some of the variables, under other names.
func ExampleVar() {
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "student/w", tf.Ones(2), nil)
	if err != nil {
		log.Fatal(err)
	}
	s, err := saver.New(g, &saver.Options{VarMap: map[string]saver.Saveable{"teacher/w": saver.Var(w)}})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println(s.SaverDef().RestoreOpName)
	// Output: save/restore_all
}

// The machines of the cluster share no folder. This process writes the checkpoints.
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
