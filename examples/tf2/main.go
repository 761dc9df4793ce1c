// Tf2 trains a Keras model that model.py has exported, saves checkpoints, and exports the next
// version for Python. If there are checkpoints already, it continues from the newest one. With
// -kill-at it kills itself on the way, like a power failure.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

const batchSize = 32

func main() {
	out := flag.String("out", "demo-tf2-out", "folder with the model in model/1; the checkpoints are in ckpt")
	steps := flag.Int64("steps", 600, "step to stop at")
	every := flag.Int64("save-every", 100, "steps between two checkpoints")
	killAt := flag.Int64("kill-at", 0, "step after which the process kills itself; 0 means never")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *out, *steps, *every, *killAt); err != nil {
		fmt.Fprintln(os.Stderr, "tf2:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, out string, steps, every, killAt int64) error {
	m, err := savedmodel.Open(ctx, filepath.Join(out, "model", "1"), nil)
	if err != nil {
		return err
	}
	defer m.Close()
	train, err := m.Signature(ctx, "train", &savedmodel.SignatureOptions{
		Inputs: []string{"x", "y"}, Outputs: []string{"loss"}, Trains: true,
	})
	if err != nil {
		return err
	}
	defer train.Close()
	images, test, err := dataset.Load()
	if err != nil {
		return err
	}
	ckpt := filepath.Join(out, "ckpt")
	// The variables have the values of the model; without a checkpoint they are the start.
	resumed, err := m.Saver.Resume(ctx, m.Session, ckpt, &saver.ResumeOptions{
		Initialize: func(context.Context, *tf.Session, []*tf.Variable) error { return nil },
	})
	if err != nil {
		return err
	}
	if !resumed.Fresh {
		fmt.Fprintf(w, "go: restored %s, continuing at step %d\n", resumed.Path, resumed.Step)
	}
	for step := resumed.Step + 1; step <= steps; step++ {
		loss, err := trainStep(ctx, train, images.Batch(int(step), batchSize))
		if err != nil {
			return err
		}
		if step%every == 0 || step == steps {
			path, err := m.Saver.Save(ctx, m.Session, filepath.Join(ckpt, "model"), &saver.SaveOptions{GlobalStep: saver.Step(int(step))})
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "go: step %d of %d, loss %.4f, saved %s\n", step, steps, loss, path)
		}
		if step == killAt {
			fmt.Fprintf(w, "go: step %d, kill -9 %d\n", step, os.Getpid())
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
	if err := evaluate(ctx, w, m, test); err != nil {
		return err
	}
	version, err := m.Save(ctx, filepath.Join(out, "model"), &savedmodel.SaveOptions{Version: true})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "go: exported %s\n", version)
	return nil
}

// tensors returns the images and the labels of a set.
func tensors(s dataset.Set) (x, y *tf.Tensor, err error) {
	labels := make([]int64, s.Len())
	for i, l := range s.Labels {
		labels[i] = int64(l)
	}
	if x, err = tf.NewTensor(s.Images); err != nil {
		return nil, nil, err
	}
	y, err = tf.NewTensor(labels)
	return x, y, err
}

func trainStep(ctx context.Context, train *savedmodel.Signature, batch dataset.Set) (float32, error) {
	x, y, err := tensors(batch)
	if err != nil {
		return 0, err
	}
	defer tf.Release(x, y)
	out, err := train.Run(ctx, x, y)
	if err != nil {
		return 0, err
	}
	defer tf.Release(out...)
	return out[0].Value().(float32), nil
}

func evaluate(ctx context.Context, w io.Writer, m *savedmodel.Model, test dataset.Set) error {
	x, y, err := tensors(test)
	if err != nil {
		return err
	}
	defer tf.Release(x, y)
	out, err := m.Predict(ctx, "evaluate", map[string]*tf.Tensor{"x": x, "y": y})
	if err != nil {
		return err
	}
	defer tf.Release(out["accuracy"])
	fmt.Fprintf(w, "go: accuracy on the test images %.2f %%\n", 100*out["accuracy"].Value().(float32))
	return nil
}
