package verify_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/verify"
)

func ExamplePath() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "verify")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := checkpoint.Create(context.Background(), filepath.Join(dir, "model"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	err = w.Add(ctx, checkpoint.Tensor{Name: "w", DType: dtype.Uint8, Shape: []int64{3}, Data: []byte{1, 2, 3}})
	if err == nil {
		err = w.Commit(ctx)
	}
	if err == nil { // two of its three bytes are lost
		err = os.Truncate(filepath.Join(dir, "model.data-00000-of-00001"), 1)
	}
	if err != nil {
		log.Fatal(err)
	}

	for r, err := range verify.Path(ctx, dir, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Kind, filepath.Base(r.Path), "ok:", r.OK(), "faults:", len(r.Faults))
	}
	// Output: checkpoint model ok: false faults: 1
}
