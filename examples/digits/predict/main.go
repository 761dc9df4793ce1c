// Predict classifies the test images with the three results of a training: the checkpoint
// with its meta graph, the frozen graph, and the SavedModel. All three must agree.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

func main() {
	out := flag.String("out", "demo-out", "folder with ckpt/, frozen.pb and saved_model/")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "predict:", err)
		os.Exit(1)
	}
}

// predictor returns the probabilities of the ten classes for each image.
type predictor func(ctx context.Context, path string, images *tf.Tensor) ([][]float32, error)

func run(ctx context.Context, out string) error {
	_, test, err := dataset.Load()
	if err != nil {
		return err
	}
	images, err := tf.NewTensor(test.Images)
	if err != nil {
		return err
	}
	defer tf.Release(images)
	newest, err := dir.Latest(ctx, filepath.Join(out, "ckpt"), nil)
	if err != nil {
		return err
	}

	var first [][]float32
	for _, result := range []struct {
		path    string
		predict predictor
	}{
		{newest, fromCheckpoint},
		{filepath.Join(out, "frozen.pb"), fromFrozen},
		{filepath.Join(out, "saved_model"), fromSavedModel},
	} {
		probabilities, err := result.predict(ctx, result.path, images)
		if err != nil {
			return fmt.Errorf("%s: %w", result.path, err)
		}
		if first == nil {
			first = probabilities
		}
		fmt.Printf("%-32s %3d of %d correct, largest difference from the first %g\n",
			result.path, correct(probabilities, test.Labels), test.Len(), difference(first, probabilities))
		// Frozen weights may use another kernel, which adds in another order.
		if difference(first, probabilities) > 1e-5 {
			return fmt.Errorf("the predictions of %s differ from those of %s", result.path, newest)
		}
	}
	show(test, first)
	return nil
}

func fromCheckpoint(ctx context.Context, path string, images *tf.Tensor) ([][]float32, error) {
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(ctx, g, path+".meta", nil)
	if err != nil {
		return nil, err
	}
	defer sv.Close()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return nil, err
	}
	defer sess.Close()
	if _, err := sv.Restore(ctx, sess, path, nil); err != nil {
		return nil, err
	}
	return probabilities(ctx, sess, images)
}

func fromFrozen(ctx context.Context, path string, images *tf.Tensor) ([][]float32, error) {
	def, err := graphdef.ReadGraphDef(path)
	if err != nil {
		return nil, err
	}
	g := tf.NewGraph()
	if _, err := tf.ImportGraphDef(ctx, g, def, &tf.ImportGraphDefOptions{NoPrefix: true}); err != nil {
		return nil, err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return nil, err
	}
	defer sess.Close()
	return probabilities(ctx, sess, images)
}

func fromSavedModel(ctx context.Context, dir string, images *tf.Tensor) ([][]float32, error) {
	m, err := savedmodel.Open(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	out, err := m.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": images})
	if err != nil {
		return nil, err
	}
	defer tf.Release(out["y"])
	return out["y"].Value().([][]float32), nil
}

// probabilities feeds the images to x:0 and returns y:0.
func probabilities(ctx context.Context, sess *tf.Session, images *tf.Tensor) ([][]float32, error) {
	x, err := sess.Graph().OutputByName("x:0")
	if err != nil {
		return nil, err
	}
	y, err := sess.Graph().OutputByName("y:0")
	if err != nil {
		return nil, err
	}
	out, err := sess.Run(ctx, map[tf.Output]*tf.Tensor{x: images}, []tf.Output{y}, nil, nil)
	if err != nil {
		return nil, err
	}
	defer tf.Release(out...)
	return out[0].Value().([][]float32), nil
}

// mostLikely returns the class with the highest probability.
func mostLikely(probabilities []float32) int {
	return slices.Index(probabilities, slices.Max(probabilities))
}

// correct returns the number of images whose most likely class is the label.
func correct(probabilities [][]float32, labels []int32) (n int) {
	for i, p := range probabilities {
		if mostLikely(p) == int(labels[i]) {
			n++
		}
	}
	return n
}

// difference returns the largest difference between two probabilities of the same class.
func difference(a, b [][]float32) (most float32) {
	for i := range a {
		for j := range a[i] {
			most = max(most, a[i][j]-b[i][j], b[i][j]-a[i][j])
		}
	}
	return most
}

// show prints the first four images and their most likely classes.
func show(test dataset.Set, probabilities [][]float32) {
	const images = 4
	fmt.Println()
	for row := range 8 {
		for i := range images {
			for _, pixel := range test.Images[i][row*8:][:8] {
				fmt.Printf("%[1]c%[1]c", " .:-=+*#@"[int(pixel)/2])
			}
			fmt.Print("   ")
		}
		fmt.Println()
	}
	for i := range images {
		digit := mostLikely(probabilities[i])
		fmt.Printf("%-19s", fmt.Sprintf("a %d (%.0f %%)", digit, 100*probabilities[i][digit]))
	}
	fmt.Println()
}
