package diff_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/diff"
	"github.com/tfkeep/tfkeep/dtype"
)

func ExampleCompare() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "diff")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	save := func(name string, values ...byte) *checkpoint.Reader {
		prefix := filepath.Join(dir, name)
		w, err := checkpoint.Create(context.Background(), prefix, nil)
		if err != nil {
			log.Fatal(err)
		}
		defer w.Close()
		t := checkpoint.Tensor{Name: "v", DType: dtype.Uint8, Shape: []int64{int64(len(values))}, Data: values}
		if err := w.Add(ctx, t); err != nil {
			log.Fatal(err)
		}
		if err := w.Commit(ctx); err != nil {
			log.Fatal(err)
		}
		r, err := checkpoint.Open(context.Background(), prefix, nil)
		if err != nil {
			log.Fatal(err)
		}
		return r
	}
	a, b := save("a", 1, 2, 3), save("b", 1, 2, 7)
	defer a.Close()
	defer b.Close()
	for d, err := range diff.Compare(ctx, a, b, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.Name, d.Kind, d.Values.Different, "of", d.Values.Elements, "by at most", d.Values.MaxAbs)
	}
	// Output: v changed 1 of 3 by at most 4
}
