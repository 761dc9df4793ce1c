package convert

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/internal/safetensors"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

func (c *conversion) write(ctx context.Context) error {
	switch c.res.To {
	case V2, V1:
		return c.writeCheckpoint(ctx)
	case SafeTensors:
		return c.writeFile(func(w io.Writer) error { return c.writeSafeTensors(ctx, w) })
	case NPZ:
		return c.writeFile(func(w io.Writer) error { return c.writeNPZ(ctx, w) })
	}
	return &tfkeep.Error{Op: "convert", Path: c.in, Err: tfkeep.ErrUnsupported,
		Detail: fmt.Sprintf("there is no format %q; the formats are %v", c.res.To, Formats())}
}

// done counts a tensor that was written.
func (c *conversion) done(t *checkpoint.TensorInfo) {
	c.res.Tensors++
	c.res.Bytes += t.Bytes
	if c.opts.Progress != nil {
		c.opts.Progress(c.res.Bytes, c.total)
	}
}

// groupSize is the size in bytes up to which tensors are read and written together. Larger
// ones are streamed.
const groupSize = 32 << 20

func (c *conversion) writeCheckpoint(ctx context.Context) error {
	o := &checkpoint.WriterOptions{NoSync: c.opts.NoSync}
	if c.res.To == V1 {
		o.Version = checkpoint.V1
	}
	to, err := checkpoint.Create(ctx, c.out, o)
	if err != nil {
		return err
	}
	defer to.Close()
	for first := 0; first < len(c.tensors); {
		end, size := first+1, c.tensors[first].Bytes
		for end < len(c.tensors) && size+c.tensors[end].Bytes <= groupSize {
			size += c.tensors[end].Bytes
			end++
		}
		if err := c.addGroup(ctx, to, c.tensors[first:end]); err != nil {
			return err
		}
		first = end
	}
	return to.Commit(ctx)
}

// parts returns the pieces in which a tensor is written: the whole tensor, or its
// partitions.
func parts(t *checkpoint.TensorInfo) []checkpoint.Tensor {
	whole := checkpoint.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape}
	if t.Slices == nil {
		return []checkpoint.Tensor{whole}
	}
	var all []checkpoint.Tensor
	for _, s := range t.Slices {
		part := whole
		part.Slice = s.Slice
		all = append(all, part)
	}
	return all
}

// hasStrings reports whether the elements of a type are read and written as strings.
func hasStrings(dt dtype.DataType) bool { return dt == dtype.String || dt == dtype.Variant }

// addLarge streams a tensor of numbers.
func (c *conversion) addLarge(ctx context.Context, to *checkpoint.Writer, t *checkpoint.TensorInfo) error {
	for _, part := range parts(t) {
		in, err := c.src.OpenTensor(ctx, t.Name, part.Slice)
		if err != nil {
			return err
		}
		if err := errors.Join(to.AddFrom(ctx, part, in), in.Close()); err != nil {
			return err
		}
	}
	c.done(t)
	return nil
}

// addGroup reads tensors in parallel and adds them with their partitions.
func (c *conversion) addGroup(ctx context.Context, to *checkpoint.Writer, tensors []checkpoint.TensorInfo) error {
	if len(tensors) == 1 && tensors[0].Bytes > groupSize && !hasStrings(tensors[0].DType) {
		return c.addLarge(ctx, to, &tensors[0])
	}
	var batch []checkpoint.Tensor
	for i := range tensors {
		batch = append(batch, parts(&tensors[i])...)
	}
	err := parallel.Each(ctx, len(batch), runtime.GOMAXPROCS(0), func(ctx context.Context, i int) (err error) {
		t := &batch[i]
		if hasStrings(t.DType) {
			t.Strings, err = c.src.ReadStrings(ctx, t.Name, t.Slice)
		} else {
			t.Data, err = sources.Read(ctx, c.src, t.Name, t.Slice)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := to.Add(ctx, batch...); err != nil {
		return err
	}
	for i := range tensors {
		c.done(&tensors[i])
	}
	return nil
}

// writeFile writes a single file, which appears when it is complete.
func (c *conversion) writeFile(write func(io.Writer) error) error {
	place := func(err error) error { return vfs.Error("convert to", c.out, err) }
	f, err := vfs.CreateAtomic(vfs.OS, c.out)
	if err != nil {
		return place(err)
	}
	defer f.Close()
	if !c.opts.NoSync {
		f.SendEarly()
	}
	b := bufio.NewWriterSize(f, 1<<20)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return place(err)
	}
	if err := f.Commit(!c.opts.NoSync); err != nil {
		return place(err)
	}
	return nil
}

func (c *conversion) writeSafeTensors(ctx context.Context, out io.Writer) error {
	to, err := safetensors.NewWriter(out, c.tensors, map[string]string{"format": "tf"})
	if err != nil {
		return err
	}
	for _, t := range to.Order() {
		if err := c.stream(ctx, &t, func(in io.Reader) error { _, err := io.Copy(to, in); return err }); err != nil {
			return err
		}
	}
	return to.Close()
}

func (c *conversion) writeNPZ(ctx context.Context, out io.Writer) error {
	to := npy.NewArchiveWriter(out)
	for i := range c.tensors {
		t := &c.tensors[i]
		var err error
		if t.DType == dtype.String {
			err = c.addStrings(ctx, to, t)
		} else {
			err = c.stream(ctx, t, func(in io.Reader) error { return to.Add(t.Name, t.DType, t.Shape, in) })
		}
		if err != nil {
			return err
		}
	}
	return to.Close()
}

func (c *conversion) addStrings(ctx context.Context, to *npy.ArchiveWriter, t *checkpoint.TensorInfo) error {
	values, err := c.src.ReadStrings(ctx, t.Name, nil)
	if err != nil {
		return err
	}
	if err := npy.CheckStrings(t.Shape, values); err != nil {
		return c.skip(t.Name, err)
	}
	if err := to.AddStrings(t.Name, t.Shape, values); err != nil {
		return c.tensorError(t.Name, err)
	}
	c.done(t)
	return nil
}

// stream passes a tensor's bytes to take and then reads the rest of them, because the
// checksum is verified at the end.
func (c *conversion) stream(ctx context.Context, t *checkpoint.TensorInfo, take func(io.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	in, err := c.src.OpenTensor(ctx, t.Name, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := take(in); err != nil {
		return c.tensorError(t.Name, err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	c.done(t)
	return nil
}

// tensorError says of which tensor an error is, unless it says so itself.
func (c *conversion) tensorError(name string, err error) error {
	if e, ok := errors.AsType[*tfkeep.Error](err); ok && e.Item == "tensor" && e.Name == name {
		return err
	}
	return &tfkeep.Error{Op: "convert", Path: c.in, Item: "tensor", Name: name, Cause: err}
}
