package checkpoint_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const (
	benchTensors = 64
	benchBytes   = 16 << 20
)

// benchModel is 1 GiB in 64 tensors.
func benchModel() []checkpoint.Tensor {
	var tensors []checkpoint.Tensor
	for i := range benchTensors {
		tensors = append(tensors, tftest.RandomTensor(uint64(i), fmt.Sprintf("variable_%02d", i), dtype.Float32, benchBytes/4))
	}
	return tensors
}

// BenchmarkWriteGibibyte writes a checkpoint with and without syncs, and each time also
// the raw bytes. It reports the best times of both and their ratio.
func BenchmarkWriteGibibyte(b *testing.B) {
	tensors := benchModel()
	for _, noSync := range []bool{true, false} {
		b.Run(fmt.Sprintf("sync=%t", !noSync), func(b *testing.B) {
			ours, raw := time.Duration(1<<62), time.Duration(1<<62)
			best := func(to *time.Duration, f func(name string)) {
				dir := b.TempDir()
				start := time.Now()
				f(filepath.Join(dir, "m"))
				*to = min(*to, time.Since(start))
				if err := os.RemoveAll(dir); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(2 * benchTensors * benchBytes)
			for b.Loop() {
				best(&raw, func(name string) { rawWrite(b, name, !noSync, tensors) })
				best(&ours, func(name string) { tftest.WriteCheckpoint(b, name, &checkpoint.WriterOptions{NoSync: noSync}, tensors) })
			}
			b.ReportMetric(ours.Seconds(), "s/GiB")
			b.ReportMetric(raw.Seconds(), "raw-s/GiB")
			b.ReportMetric(ours.Seconds()/raw.Seconds(), "ratio")
		})
	}
}

// rawWrite does the minimum for any writer: it computes checksums of the bytes and
// writes them, on two goroutines.
func rawWrite(b *testing.B, name string, synced bool, tensors []checkpoint.Tensor) {
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const chunk = 1 << 20
	var next atomic.Int64
	var sum atomic.Uint32
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				off := next.Add(chunk) - chunk
				if off >= benchTensors*benchBytes {
					return
				}
				data := tensors[off/benchBytes].Data[off%benchBytes:][:chunk]
				sum.Add(crc32c.Checksum(data))
				if _, err := f.WriteAt(data, off); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if synced {
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite20000Tensors(b *testing.B) {
	var tensors []checkpoint.Tensor
	for i := range 20_000 {
		tensors = append(tensors, tftest.RandomTensor(uint64(i), fmt.Sprintf("layer_%d/variable_%05d", i%100, i), dtype.Float32, 64))
	}
	b.Run("Add", func(b *testing.B) {
		for b.Loop() {
			tftest.WriteCheckpoint(b, filepath.Join(b.TempDir(), "m"), nil, tensors)
		}
	})
	b.Run("Add", func(b *testing.B) {
		for b.Loop() {
			w, err := checkpoint.Create(b.Context(), filepath.Join(b.TempDir(), "m"), nil)
			if err != nil {
				b.Fatal(err)
			}
			for _, t := range tensors {
				if err := w.Add(context.Background(), t); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Commit(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
