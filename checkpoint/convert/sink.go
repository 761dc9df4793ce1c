package convert

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/internal/safetensors"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// writing is one conversion on its way to a destination.
type writing struct {
	ctx     context.Context
	src     source
	tensors []checkpoint.TensorInfo
	out     string
	opts    *Options
	res     *Result
}

func (w *writing) done(t *checkpoint.TensorInfo) {
	w.res.Tensors++
	w.res.Bytes += t.Bytes
	if w.opts.Progress != nil {
		w.opts.Progress(t.Bytes)
	}
}

// checkpointWriter is what the writers of both versions do.
type checkpointWriter interface {
	AddAll(ctx context.Context, tensors []checkpoint.Tensor) error
	Commit(ctx context.Context) error
	Close() error
}

// groupSize is the size, in bytes, up to which tensors are read and written
// together.
const groupSize = 32 << 20

func (w *writing) checkpoint() (err error) {
	o := &checkpoint.WriterOptions{NoSync: w.opts.NoSync}
	var to checkpointWriter
	if w.res.To == V1 {
		to, err = checkpoint.CreateV1(w.out, o)
	} else {
		to, err = checkpoint.Create(w.out, o)
	}
	if err != nil {
		return err
	}
	defer to.Close()
	for first := 0; first < len(w.tensors); {
		end, size := first+1, w.tensors[first].Bytes
		for end < len(w.tensors) && size+w.tensors[end].Bytes <= groupSize {
			size += w.tensors[end].Bytes
			end++
		}
		if err := w.group(to, w.tensors[first:end]); err != nil {
			return err
		}
		first = end
	}
	return to.Commit(w.ctx)
}

// group reads tensors in parallel and adds them, partitioned as they were.
func (w *writing) group(to checkpointWriter, tensors []checkpoint.TensorInfo) error {
	var batch []checkpoint.Tensor
	for _, t := range tensors {
		whole := checkpoint.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape}
		if t.Slices == nil {
			batch = append(batch, whole)
		}
		for _, s := range t.Slices {
			part := whole
			part.Slice = s.Slice
			batch = append(batch, part)
		}
	}
	err := parallel.InOrder(w.ctx, len(batch), runtime.GOMAXPROCS(0), func(ctx context.Context, i int) (none struct{}, err error) {
		t := &batch[i]
		if t.DType == dtype.String {
			t.Strings, err = w.src.strings(ctx, t.Name, t.Slice)
		} else {
			t.Data, err = w.src.bytes(ctx, t.Name, t.Slice)
		}
		return none, err
	}, func(int, struct{}) error { return nil })
	if err != nil {
		return err
	}
	if err := to.AddAll(w.ctx, batch); err != nil {
		return err
	}
	for i := range tensors {
		w.done(&tensors[i])
	}
	return nil
}

// file writes a single file in one step.
func (w *writing) file(write func(io.Writer) error) error {
	f, err := vfs.CreateAtomic(vfs.OS, w.out)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	defer f.Close()
	b := bufio.NewWriterSize(f, 1<<20)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if err := f.Commit(!w.opts.NoSync); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	return nil
}

func (w *writing) safeTensors() error {
	infos := make([]safetensors.TensorInfo, len(w.tensors))
	byName := make(map[string]*checkpoint.TensorInfo, len(w.tensors))
	for i := range w.tensors {
		t := &w.tensors[i]
		infos[i] = safetensors.TensorInfo{Name: t.Name, DType: t.DType, Shape: t.Shape}
		byName[t.Name] = t
	}
	return w.file(func(out io.Writer) error {
		to, err := safetensors.NewWriter(out, infos, map[string]string{"format": "tf"})
		if err != nil {
			return err
		}
		for _, info := range to.Order() {
			t := byName[info.Name]
			if err := w.stream(t, func(in io.Reader) error { _, err := io.Copy(to, in); return err }); err != nil {
				return err
			}
		}
		return to.Close()
	})
}

func (w *writing) npz() error {
	return w.file(func(out io.Writer) error {
		to := npy.NewArchiveWriter(out)
		for i := range w.tensors {
			t := &w.tensors[i]
			if t.DType == dtype.String {
				if err := w.addStrings(to, t); err != nil {
					return err
				}
				continue
			}
			if err := w.stream(t, func(in io.Reader) error { return to.Add(t.Name, t.DType, t.Shape, in) }); err != nil {
				return err
			}
		}
		return to.Close()
	})
}

func (w *writing) addStrings(to *npy.ArchiveWriter, t *checkpoint.TensorInfo) error {
	values, err := w.src.strings(w.ctx, t.Name, nil)
	if err != nil {
		return err
	}
	if err := npy.CheckStrings(t.Shape, values); err != nil {
		if w.opts.SkipUnsupported {
			w.res.Skipped = append(w.res.Skipped, Skipped{t.Name, err})
			return nil
		}
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if err := to.AddStrings(t.Name, t.Shape, values); err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	w.done(t)
	return nil
}

// stream lets take have a tensor's bytes and then reads to their end, where
// the checksum is known.
func (w *writing) stream(t *checkpoint.TensorInfo, take func(io.Reader) error) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	in, err := w.src.open(w.ctx, t.Name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := take(in); err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	w.done(t)
	return nil
}
