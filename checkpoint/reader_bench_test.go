package checkpoint

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// The model of the reading benchmarks: 1 GiB of float32 in 64 tensors.
const (
	benchTensors = 64
	benchBytes   = 16 << 20
)

func benchCheckpoint(b *testing.B) string {
	prefix := filepath.Join(b.TempDir(), "model")
	w, err := Create(context.Background(), prefix, &WriterOptions{NoSync: true})
	require.NoError(b, err)
	data := make([]byte, benchBytes)
	for i := range data {
		data[i] = byte(i * 131)
	}
	for i := range benchTensors {
		require.NoError(b, w.Add(context.Background(), Tensor{Name: fmt.Sprintf("layer_%02d/kernel", i), DType: dtype.Float32, Shape: []int64{benchBytes / 4}, Data: data}))
	}
	require.NoError(b, w.Commit(context.Background()))
	require.NoError(b, w.Close())
	return prefix
}

// BenchmarkRead1GiB compares the ways to read with the minimum: to read the bytes of
// the file into the same memory and compute their checksum on as many cores. All of
// them read from the page cache into memory that was used before.
func BenchmarkRead1GiB(b *testing.B) {
	ctx := context.Background()
	prefix := benchCheckpoint(b)
	var dst [benchTensors][]byte
	for i := range dst {
		dst[i] = make([]byte, benchBytes)
		for j := 0; j < benchBytes; j += 4096 {
			dst[i][j] = 1
		}
	}
	each := func(b *testing.B, read func(r *Reader, i int, t *TensorInfo) error) {
		b.SetBytes(benchTensors * benchBytes)
		for b.Loop() {
			r, err := Open(context.Background(), prefix, nil)
			require.NoError(b, err)
			for i := range r.tensors {
				require.NoError(b, read(r, i, &r.tensors[i]))
			}
			require.NoError(b, r.Close())
		}
	}
	b.Run("raw", func(b *testing.B) {
		b.SetBytes(benchTensors * benchBytes)
		f, err := os.Open(filenames.Data(prefix, 0, 1))
		require.NoError(b, err)
		defer f.Close()
		for b.Loop() {
			err := parallel.Each(ctx, benchTensors, runtime.GOMAXPROCS(0), func(_ context.Context, i int) error {
				crc := uint32(0)
				for off := 0; off < benchBytes; off += readStep {
					step := dst[i][off : off+readStep]
					if _, err := f.ReadAt(step, int64(i*benchBytes+off)); err != nil {
						return err
					}
					crc = crc32c.Update(crc, step)
				}
				runtime.KeepAlive(crc)
				return nil
			})
			require.NoError(b, err)
		}
	})
	b.Run("all", func(b *testing.B) {
		each(b, func(r *Reader, i int, t *TensorInfo) error { return r.ReadInto(ctx, t.Name, nil, dst[i]) })
	})
	b.Run("mapped", func(b *testing.B) {
		each(b, func(r *Reader, _ int, t *TensorInfo) error {
			_, release, err := r.Map(context.Background(), t.Name)
			if err != nil {
				return err
			}
			return release()
		})
	})
	b.Run("streamed", func(b *testing.B) {
		each(b, func(r *Reader, _ int, t *TensorInfo) error {
			f, err := r.OpenTensor(ctx, t.Name, nil)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, f)
			return err
		})
	})
	b.Run("one of 64, with Open", func(b *testing.B) {
		b.SetBytes(benchBytes)
		for b.Loop() {
			r, err := Open(context.Background(), prefix, nil)
			require.NoError(b, err)
			require.NoError(b, r.ReadInto(ctx, "layer_33/kernel", nil, dst[0]))
			require.NoError(b, r.Close())
		}
	})
}

// BenchmarkOpen20000 opens a checkpoint of 20,000 tensors, lists them, and reads one.
func BenchmarkOpen20000(b *testing.B) {
	craft := newCrafted()
	w := craft.add("w", dtype.Float32, []int64{3}, appendFloats(nil, 1, 2, 3))
	for i := range 20000 {
		craft.set(fmt.Sprintf("model/layer_%05d/kernel", i), w)
	}
	prefix := filepath.Join(b.TempDir(), "model")
	require.NoError(b, os.WriteFile(filenames.Index(prefix), craft.indexBytes(b), 0o644))
	require.NoError(b, os.WriteFile(filenames.Data(prefix, 0, 1), craft.data[0], 0o644))
	for b.Loop() {
		r, err := Open(context.Background(), prefix, nil)
		require.NoError(b, err)
		require.Len(b, slices.Collect(r.Tensors()), 20001)
		_, err = Values[float32](context.Background(), r, "model/layer_12345/kernel", nil)
		require.NoError(b, err)
		require.NoError(b, r.Close())
	}
}

// BenchmarkOpenToFirstTensor measures how long a small program waits.
func BenchmarkOpenToFirstTensor(b *testing.B) {
	prefix := smallCheckpoint().write(b)
	for b.Loop() {
		r, err := Open(context.Background(), prefix, nil)
		require.NoError(b, err)
		_, err = Values[float32](context.Background(), r, "dense/bias", nil)
		require.NoError(b, err)
		require.NoError(b, r.Close())
	}
}
