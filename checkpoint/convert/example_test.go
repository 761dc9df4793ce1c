package convert_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/dtype"
)

func ExampleConvert() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "convert")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := checkpoint.Create(context.Background(), filepath.Join(dir, "model"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	err = w.Add(ctx, checkpoint.Tensor{Name: "w", DType: dtype.BFloat16, Shape: []int64{2}, Data: []byte{0x80, 0x3f, 0, 0}})
	if err == nil {
		err = w.Commit(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}

	res, err := convert.Convert(ctx, filepath.Join(dir, "model"), filepath.Join(dir, "model.safetensors"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.From, "to", res.To, res.Tensors, "tensor,", res.Bytes, "bytes")
	// Output: v2 to safetensors 1 tensor, 4 bytes
}
