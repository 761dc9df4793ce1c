package safetensors_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/internal/safetensors"
	"github.com/tfkeep/tfkeep/dtype"
)

func Example() {
	var file bytes.Buffer
	w, err := safetensors.NewWriter(&file, []checkpoint.TensorInfo{
		{Name: "step", DType: dtype.Int64},
		{Name: "mask", DType: dtype.Uint8, Shape: []int64{2, 2}},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	data := map[string][]byte{"step": {10, 0, 0, 0, 0, 0, 0, 0}, "mask": {1, 0, 0, 1}}
	for _, t := range w.Order() {
		if _, err := w.Write(data[t.Name]); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	r, err := safetensors.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	for t := range r.Tensors() {
		fmt.Println(t.Name, dtype.Name(t.DType), t.Shape, t.Bytes)
	}
	// Output:
	// mask uint8 [2 2] 4
	// step int64 [] 8
}
