package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
)

// The Go reader and tf.train.load_checkpoint read the same files, which are in the page
// cache. Both check every checksum.
var (
	listMany = Pair{
		Name:    "checkpoint: open and list 20,000 tensors",
		Prepare: readPair{count: 20_000, elements: 4, read: list, python: "len(reader.get_variable_to_shape_map())"}.prepare,
	}
	readGibibyte = Pair{
		Name:    "checkpoint: read 1 GiB in 64 tensors",
		Goal:    0.35,
		Prepare: readPair{count: 64, elements: 4 << 20, read: readAll, python: "[reader.get_tensor(n) for n in names]"}.prepare,
	}
	readOneOfMany = Pair{
		Name:    "checkpoint: open, read one tensor of 64 (16 MiB)",
		Prepare: readPair{count: 64, elements: 4 << 20, read: readOne, python: "reader.get_tensor('v00033')"}.prepare,
	}
	mapGibibyte = Pair{
		Name:    "checkpoint: map 1 GiB in 64 tensors, checked (Python reads)",
		Prepare: readPair{count: 64, elements: 4 << 20, read: mapAll, python: "[reader.get_tensor(n) for n in names]"}.prepare,
	}
	startCommand = Pair{
		Name:    "command: tfkeep ls, beside inspect_checkpoint",
		Prepare: prepareStart,
	}
)

// readPair is a checkpoint with count tensors of elements float32 each, and the work to do
// with it.
type readPair struct {
	count, elements int
	read            func(ctx context.Context, r *checkpoint.Reader, dst []byte) error
	python          string
}

func (p readPair) prepare(ctx context.Context, e *Env) (Measure, Measure, error) {
	prefix := filepath.Join(e.Dir, "model")
	if err := writeForReading(ctx, prefix, p.count, p.elements); err != nil {
		return nil, nil, err
	}
	dst := make([]byte, 4*p.elements)
	ours := e.InGo(func(ctx context.Context) error {
		r, err := dir.Open(ctx, prefix, nil)
		if err != nil {
			return err
		}
		defer r.Close()
		return p.read(ctx, r, dst)
	})
	theirs := e.InPython(`
import time
names = ['v%05d' % i for i in range(args[1])]
start = time.perf_counter()
reader = tf.train.load_checkpoint(args[0])
done = `+p.python+`
result = time.perf_counter() - start
`, prefix, p.count)
	return ours, theirs, nil
}

func writeForReading(ctx context.Context, prefix string, count, elements int) error {
	data := make([]byte, 4*elements)
	for i := range data {
		data[i] = byte(i * 131)
	}
	tensors := make([]checkpoint.Tensor, count)
	for i := range tensors {
		tensors[i] = checkpoint.Tensor{Name: fmt.Sprintf("v%05d", i), DType: dtype.Float32,
			Shape: []int64{int64(elements)}, Data: data}
	}
	return writeCheckpoint(ctx, prefix, tensors, nil)
}

func list(_ context.Context, r *checkpoint.Reader, _ []byte) error {
	if n := len(slices.Collect(r.Tensors())); n != 20_000 {
		return fmt.Errorf("the checkpoint lists %d tensors", n)
	}
	return nil
}

// readAll allocates memory for each tensor, as Python does.
func readAll(ctx context.Context, r *checkpoint.Reader, _ []byte) error {
	var all [][]byte
	for t := range r.Tensors() {
		data, err := r.ReadBytes(ctx, t.Name, nil)
		if err != nil {
			return err
		}
		all = append(all, data)
	}
	runtime.KeepAlive(all)
	return nil
}

func readOne(ctx context.Context, r *checkpoint.Reader, dst []byte) error {
	return r.ReadInto(ctx, "v00033", nil, dst)
}

func mapAll(ctx context.Context, r *checkpoint.Reader, _ []byte) error {
	for t := range r.Tensors() {
		_, release, err := r.Map(ctx, t.Name)
		if err != nil {
			return err
		}
		if err := release(); err != nil {
			return err
		}
	}
	return nil
}

func prepareStart(ctx context.Context, e *Env) (Measure, Measure, error) {
	prefix := filepath.Join(e.Dir, "model")
	if err := writeForReading(ctx, prefix, 16, 16); err != nil {
		return nil, nil, err
	}
	ours := e.Program(filepath.Join(e.Bin, "tfkeep"), "ls", prefix)
	theirs := e.Program(e.Python, "-m", "tensorflow.python.tools.inspect_checkpoint", "--file_name", prefix)
	return ours, theirs, nil
}
