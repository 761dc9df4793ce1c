package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
)

// writeGibibyte writes 64 variables of 16 MiB with the Go writer, which syncs the files,
// and with TensorFlow's SaveV2 op, which does not.
var writeGibibyte = Pair{
	Name:    "checkpoint: write 1 GiB in 64 tensors",
	Goal:    1.0 / 4,
	Prepare: prepareWrite(64, 4<<20, nil),
}

// writeSmall writes 20,000 variables of 256 bytes. Syncs would take most of the time, so
// neither side syncs.
var writeSmall = Pair{
	Name:    "checkpoint: write 20,000 small tensors, no sync",
	Goal:    1,
	Prepare: prepareWrite(20_000, 64, &checkpoint.WriterOptions{NoSync: true}),
}

// prepareWrite makes count tensors of elements float32 each on both sides. Each round
// writes a new checkpoint; removing it is not measured.
func prepareWrite(count, elements int, o *checkpoint.WriterOptions) func(context.Context, *Env) (Measure, Measure, error) {
	return func(_ context.Context, e *Env) (tfkeep, python Measure, err error) {
		tensors := make([]checkpoint.Tensor, count)
		random := rand.NewChaCha8([32]byte{})
		for i := range tensors {
			data := make([]byte, 4*elements)
			if _, err := random.Read(data); err != nil {
				return nil, nil, err
			}
			tensors[i] = checkpoint.Tensor{Name: fmt.Sprintf("v%05d", i), DType: dtype.Float32,
				Shape: []int64{int64(elements)}, Data: data}
		}
		tfkeep = func(ctx context.Context) (Sample, error) {
			prefix := filepath.Join(e.Dir, "tfkeep")
			start := time.Now()
			if err := writeCheckpoint(ctx, prefix, tensors, o); err != nil {
				return Sample{}, err
			}
			took := time.Since(start)
			return Sample{Time: took}, dir.Remove(ctx, prefix, nil)
		}
		_, err = e.Script(`
names = ['v%05d' % i for i in range(args[0])]
if args[0] < 1000:
    values = [tf1.get_variable(n, shape=[args[1]], use_resource=True, initializer=tf1.random_uniform_initializer()).read_value()
              for n in names]
else:  # Building so many variables takes minutes; the rows of one variable are as good.
    rows = tf1.get_variable('rows', shape=[args[0], args[1]], use_resource=True, initializer=tf1.random_uniform_initializer())
    values = tf.unstack(rows.read_value())
save = tf.raw_ops.SaveV2(prefix=args[2], tensor_names=names, shape_and_slices=[''] * len(names), tensors=values)
session = tf1.Session()
session.run(tf1.global_variables_initializer())
kept['write'] = (session, save)
result = None
`, count, elements, filepath.Join(e.Dir, "python"))
		if err != nil {
			return nil, nil, err
		}
		python = e.InPython(`
import glob, time
session, save = kept['write']
start = time.perf_counter()
session.run(save)
result = time.perf_counter() - start
for name in glob.glob(args[0] + '*'):
    os.remove(name)
`, filepath.Join(e.Dir, "python"))
		e.Defer(func() { _, _ = e.Script("kept.pop('write')[0].close(); result = None") })
		return tfkeep, python, nil
	}
}

func writeCheckpoint(ctx context.Context, prefix string, tensors []checkpoint.Tensor, o *checkpoint.WriterOptions) error {
	w, err := checkpoint.Create(ctx, prefix, o)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Add(ctx, tensors...); err != nil {
		return err
	}
	return w.Commit(ctx)
}
