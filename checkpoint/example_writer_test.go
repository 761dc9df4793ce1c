package checkpoint_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
)

// Write a checkpoint. It appears when it is committed, and not before.
func ExampleWriter() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	prefix := filepath.Join(folder, "model-1")

	w, err := checkpoint.Create(context.Background(), prefix, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close() // Gives the checkpoint up on the way out of an error.

	ctx := context.Background()
	var weights []byte
	for _, v := range []float32{0.5, -1, 2, 4, 0, 1} {
		weights = binary.LittleEndian.AppendUint32(weights, math.Float32bits(v))
	}
	err = w.Add(ctx,
		checkpoint.Tensor{Name: "hidden/weights", DType: dtype.Float32, Shape: []int64{3, 2}, Data: weights},
		checkpoint.Tensor{Name: "labels", DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{[]byte("cat"), []byte("dog")}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := w.Commit(ctx); err != nil {
		fmt.Println(err)
		return
	}
	state := dir.State{ModelCheckpointPath: prefix}
	if err := dir.UpdateState(ctx, folder, state, &dir.StateOptions{SaveRelativePaths: true}); err != nil {
		fmt.Println(err)
		return
	}

	newest, err := dir.Latest(context.Background(), folder, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := checkpoint.Open(context.Background(), newest, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	for t := range r.Tensors() {
		fmt.Println(t.Name, dtype.Name(t.DType), t.Shape)
	}
	// Output:
	// hidden/weights float32 [3 2]
	// labels string [2]
}

// Write a partitioned variable slice by slice, here into two data files, and read it as
// one tensor.
func ExampleWriter_slices() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)

	w, err := checkpoint.Create(context.Background(), filepath.Join(folder, "model"), &checkpoint.WriterOptions{NumShards: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	ctx := context.Background()
	part := checkpoint.Tensor{Name: "embedding", DType: dtype.Int8, Shape: []int64{4, 2}}
	for i := range 2 {
		part.Slice = checkpoint.Slice{{Start: int64(2 * i), Length: 2}, {Length: checkpoint.FullExtent}}
		part.Data = []byte{byte(10 * i), 1, 2, 3}
		part.Shard = i
		if err := w.Add(ctx, part); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := w.Commit(ctx); err != nil {
		fmt.Println(err)
		return
	}
	r, err := checkpoint.Open(context.Background(), filepath.Join(folder, "model"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	whole, err := r.ReadBytes(ctx, "embedding", nil)
	fmt.Println(whole, err)
	// Output: [0 1 2 3 10 1 2 3] <nil>
}
