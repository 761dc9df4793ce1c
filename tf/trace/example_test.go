package trace_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/trace"
)

func Example() {
	if err := record(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: written
}

func record(ctx context.Context) error {
	g := tf.NewGraph()
	y := op.Square(g.Scope(), op.Const(g.Scope(), float32(3)))
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	dir, err := os.MkdirTemp("", "trace")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := recordRun(ctx, sess, nil, []tf.Output{y}, filepath.Join(dir, "trace.json")); err != nil {
		return err
	}
	fmt.Println("written")
	return nil
}

// recordRun is in docs/profiling.md.
func recordRun(ctx context.Context, sess *tf.Session, feeds map[tf.Output]*tf.Tensor, fetches []tf.Output, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	md := new(tf.RunMetadata)
	opts := &tf.RunOptions{Trace: true, Metadata: md}
	out, err := sess.Run(ctx, feeds, fetches, nil, opts)
	if err != nil {
		return err
	}
	tf.Release(out...)
	return trace.WriteChrome(file, md.GetStepStats())
}
