package checkpoint_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// writeExample writes a small checkpoint for the examples.
func writeExample() (prefix string, err error) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		return "", err
	}
	prefix = filepath.Join(dir, "model-1000")
	w, err := checkpoint.Create(context.Background(), prefix, nil)
	if err != nil {
		return "", err
	}
	defer w.Close()
	err = w.Add(context.Background(),
		checkpoint.Tensor{Name: "global_step", DType: dtype.Int64, Data: []byte{0xe8, 3, 0, 0, 0, 0, 0, 0}},
		checkpoint.Tensor{Name: "hidden/bias", DType: dtype.Float32, Shape: []int64{2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}},
		checkpoint.Tensor{Name: "labels", DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{[]byte("cat"), []byte("dog")}},
	)
	if err != nil {
		return "", err
	}
	return prefix, w.Commit(context.Background())
}

// Open a checkpoint, list its tensors, and read one.
func ExampleOpen() {
	prefix, err := writeExample()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(filepath.Dir(prefix))

	r, err := checkpoint.Open(context.Background(), prefix, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	for t := range r.Tensors() {
		fmt.Println(t.Name, dtype.Name(t.DType), t.Shape, t.Bytes)
	}
	bias, err := checkpoint.Values[float32](context.Background(), r, "hidden/bias", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bias)
	// Output:
	// global_step int64 [] 8
	// hidden/bias float32 [2] 8
	// labels string [2] 12
	// [1 2]
}

// Read a part of a tensor. The parts in which it was saved do not matter.
func ExampleReader_ReadStrings() {
	prefix, err := writeExample()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(filepath.Dir(prefix))

	r, err := checkpoint.Open(context.Background(), prefix, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	second := checkpoint.Slice{{Start: 1, Length: 1}}
	labels, err := r.ReadStrings(context.Background(), "labels", second)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", labels)
	// Output:
	// [dog]
}
