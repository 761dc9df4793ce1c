package sources_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
)

// Read takes any checkpoint.Source, such as the Reader of a checkpoint.
func ExampleRead() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx, prefix := context.Background(), filepath.Join(folder, "model")
	w, err := checkpoint.Create(ctx, prefix, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	if err := w.Add(ctx, checkpoint.Tensor{Name: "b", DType: dtype.Uint8, Shape: []int64{3}, Data: []byte{1, 2, 3}}); err != nil {
		log.Fatal(err)
	}
	if err := w.Commit(ctx); err != nil {
		log.Fatal(err)
	}

	r, err := checkpoint.Open(ctx, prefix, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	var src checkpoint.Source = r
	data, err := sources.Read(ctx, src, "b", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(data)
	// Output: [1 2 3]
}
