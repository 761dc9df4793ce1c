// Finetune starts a model from parts of another one: it takes layers of a checkpoint
// under other names, and adds a new last layer that the checkpoint does not have.
//
//	go run ./examples/finetune -dir /tmp/finetune
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

func main() {
	dir := flag.String("dir", "finetune-checkpoints", "folder for the checkpoints")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "finetune:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, dir string) (err error) {
	pretrained, err := pretrain(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "pretrained:", filepath.Base(pretrained))

	// The new model has other names for the same layers, and a head with ten classes
	// instead of two.
	g := tf.NewGraph()
	head, err := layers(g, "student/", 10)
	if err != nil {
		return err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	if err := sess.RunOps(ctx, head.Initializer()); err != nil {
		return err
	}

	// By scope: every variable in student/dense gets the value from teacher/dense.
	err = saver.InitFromCheckpoint(ctx, sess, pretrained, map[string]string{"teacher/dense/": "student/dense/"})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "took the dense layer by its scope")

	// Or whatever fits: Rename maps the names, and the report lists the head, which
	// has another shape and is not restored.
	sv, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sv.Close()) }()
	report, err := sv.Restore(ctx, sess, pretrained, &saver.RestoreOptions{
		Partial: true,
		Rename: map[string]string{
			"student/dense/kernel": "teacher/dense/kernel",
			"student/dense/bias":   "teacher/dense/bias",
			"student/head/kernel":  "teacher/head/kernel",
		},
	})
	if err != nil {
		return err
	}
	for _, key := range report.Restored {
		fmt.Fprintln(out, "restored", key)
	}
	for _, m := range report.Mismatches {
		fmt.Fprintf(out, "not restored: %s has %s %s, the checkpoint has %s\n", m.Variable, m.Kind, m.Graph, m.File)
	}
	return nil
}

// pretrain saves the checkpoint to start from and returns its path.
func pretrain(ctx context.Context, dir string) (path string, err error) {
	g := tf.NewGraph()
	if _, err := layers(g, "teacher/", 2); err != nil {
		return "", err
	}
	sv, err := saver.New(g, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, sv.Close()) }()
	initialize, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return "", err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return "", err
	}
	defer sess.Close()
	if err := sess.RunOps(ctx, initialize); err != nil {
		return "", err
	}
	return sv.Save(ctx, sess, filepath.Join(dir, "teacher"), nil)
}

// layers adds the variables of a model to the graph and returns the one of the last layer.
func layers(g *tf.Graph, scope string, classes int64) (*tf.Variable, error) {
	if _, err := tf.NewVariable(g, scope+"dense/kernel", tf.GlorotUniform(64, 32), nil); err != nil {
		return nil, err
	}
	if _, err := tf.NewVariable(g, scope+"dense/bias", tf.Ones(32), nil); err != nil {
		return nil, err
	}
	return tf.NewVariable(g, scope+"head/kernel", tf.GlorotUniform(32, classes), nil)
}
