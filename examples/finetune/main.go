// Finetune starts a model from parts of another one: a checkpoint's layers under
// other names, and a new last layer that the checkpoint doesn't have.
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
	dir := flag.String("dir", "finetune-checkpoints", "where the checkpoints go")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "finetune:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, dir string) error {
	pretrained, err := pretrain(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "pretrained:", filepath.Base(pretrained))

	// The new model calls the same layers otherwise, and has a head of ten
	// classes in the place of one of two.
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

	// By scope: everything below student/dense from below teacher/dense.
	err = saver.InitFromCheckpoint(ctx, sess, pretrained, map[string]string{"teacher/dense/": "student/dense/"})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "took the dense layer by its scope")

	// Or by what fits: names are translated, the head has another shape and is
	// left alone, and the report says so.
	keep, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	report, err := keep.Restore(ctx, sess, pretrained, &saver.RestoreOptions{
		Partial: true,
		Rename: map[string]string{
			"student/dense/kernel": "teacher/dense/kernel",
			"student/dense/bias":   "teacher/dense/bias",
			"student/head/kernel":  "teacher/head/kernel",
		},
	})
	if err != nil {
		return errors.Join(err, keep.Close())
	}
	for _, key := range report.Restored {
		fmt.Fprintln(out, "restored", key)
	}
	for _, m := range report.Mismatches {
		fmt.Fprintln(out, "left alone:", m)
	}
	return keep.Close()
}

// pretrain makes the checkpoint to start from.
func pretrain(ctx context.Context, dir string) (string, error) {
	g := tf.NewGraph()
	if _, err := layers(g, "teacher/", 2); err != nil {
		return "", err
	}
	keep, err := saver.New(g, nil)
	if err != nil {
		return "", err
	}
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
	path, err := keep.Save(ctx, sess, filepath.Join(dir, "teacher"), nil)
	return path, errors.Join(err, keep.Close())
}

// layers makes the variables of a model and returns the last layer's.
func layers(g *tf.Graph, scope string, classes int64) (*tf.Variable, error) {
	if _, err := tf.NewVariable(g, scope+"dense/kernel", tf.GlorotUniform(64, 32)); err != nil {
		return nil, err
	}
	if _, err := tf.NewVariable(g, scope+"dense/bias", tf.Ones(32)); err != nil {
		return nil, err
	}
	return tf.NewVariable(g, scope+"head/kernel", tf.GlorotUniform(32, classes))
}
