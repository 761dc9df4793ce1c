package dir_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
)

// Save two checkpoints, name them in the state file, and find the newest one again.
func Example() {
	folder, err := os.MkdirTemp("", "train")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	if err := saveTwo(context.Background(), folder); err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	newest, err := dir.Latest(ctx, folder, &dir.LatestOptions{Verified: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("newest:", filepath.Base(newest))
	list, err := dir.List(ctx, folder, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range list {
		fmt.Println(c.Step, c.Version, c.Err == nil)
	}
	// Output:
	// newest: model-2
	// 2 V2 true
	// 1 V2 true
}

func saveTwo(ctx context.Context, folder string) error {
	state := dir.State{}
	for step := byte(1); step <= 2; step++ {
		prefix := filepath.Join(folder, fmt.Sprintf("model-%d", step))
		w, err := checkpoint.Create(ctx, prefix, nil)
		if err != nil {
			return err
		}
		defer w.Close()
		if err := w.Add(ctx, checkpoint.Tensor{Name: "step", DType: dtype.Uint8, Data: []byte{step}}); err != nil {
			return err
		}
		if err := w.Commit(ctx); err != nil {
			return err
		}
		state.ModelCheckpointPath = prefix
		state.AllModelCheckpointPaths = append(state.AllModelCheckpointPaths, prefix)
	}
	return dir.UpdateState(ctx, folder, state, nil)
}

// An evaluator reads each checkpoint of a training that runs beside it.
func ExampleWatch() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	if err := saveTwo(ctx, folder); err != nil {
		log.Fatal(err)
	}
	for r, err := range dir.Watch(ctx, folder, &dir.WatchOptions{Timeout: time.Millisecond}) {
		if err != nil {
			log.Print(err) // a damaged checkpoint; the walk goes on
			continue
		}
		fmt.Println("evaluate", filepath.Base(r.Prefix()))
	}
	// Output: evaluate model-2
}
