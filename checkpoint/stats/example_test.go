package stats_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/stats"
	"github.com/tfkeep/tfkeep/dtype"
)

func ExampleSummarize() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "stats")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	prefix := filepath.Join(dir, "model")
	w, err := checkpoint.Create(context.Background(), prefix, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	err = w.Add(ctx, checkpoint.Tensor{Name: "mask", DType: dtype.Uint8, Shape: []int64{2, 2}, Data: []byte{0, 1, 1, 2}})
	if err == nil {
		err = w.Commit(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}

	r, err := checkpoint.Open(context.Background(), prefix, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for s, err := range stats.Summarize(ctx, r, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(s.Tensor.Name, s.Min, s.Max, s.Mean, s.Zeros)
	}
	// Output: mask 0 2 1 1
}
