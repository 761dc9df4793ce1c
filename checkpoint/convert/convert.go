package convert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/internal/safetensors"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Options are the options of [Convert]. The zero value, and nil, have the right
// defaults.
type Options struct {
	// To is the destination's format; "" derives it from the name, see [FormatOf].
	To Format
	// Replace allows Convert to replace a destination that exists.
	Replace bool
	// SkipUnsupported leaves out the tensors that the destination cannot hold, and those whose
	// strings cannot be read, because the file has something else in their place.
	SkipUnsupported bool
	// Names gives the tensors other names; nil keeps them.
	Names *Names
	// NoSync leaves it to the operating system when the files reach the disk.
	NoSync bool
	// Progress, if not nil, is called after each tensor with the bytes done so far and
	// the bytes of all tensors, from one goroutine at a time.
	Progress func(done, total int64)
}

// Result describes a finished conversion.
type Result struct {
	From, To Format
	Tensors  int   // the number of tensors written
	Bytes    int64 // the size of their values
	// Skipped are the tensors that were left out.
	Skipped []Skipped
	// LeftOut are the tensors for which the model of Names.Like has no name, and Missing the
	// names of the model that the source lacks, both sorted.
	LeftOut, Missing []string
	// Widened counts, by type, the tensors that the destination holds in a wider type:
	// those of types that NumPy lacks, in .npz.
	Widened map[dtype.DataType]int
}

// Skipped is a tensor that was left out, and the reason.
type Skipped struct {
	Name string
	Err  error
}

// Convert reads the checkpoint or file in and writes out. The formats follow from the
// names, see [FormatOf]. in may be any name that dir.Open takes.
//
// If the destination cannot hold a tensor, the error is a *tfkeep.Error that names the
// tensor, with the Op "convert" and the kind tfkeep.ErrUnsupported. If the destination
// exists, the error is a tfkeep.ErrExists. With Options.Names, a name that the source lacks is
// a tfkeep.ErrNotFound, and one that could mean several tensors, or a tensor of another shape
// or type, a tfkeep.ErrMismatch. In all cases Convert writes nothing.
func Convert(ctx context.Context, in, out string, opts *Options) (*Result, error) {
	if err := argcheck.Context(ctx, "convert", in); err != nil {
		return nil, err
	}
	if opts == nil {
		opts = &Options{}
	}
	src, from, err := openSource(ctx, in)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	c := &conversion{src: src, in: in, out: out, opts: opts,
		res: &Result{From: from, To: opts.To, Widened: map[dtype.DataType]int{}}}
	if c.res.To == "" {
		if c.res.To, err = FormatOf(out); err != nil {
			return nil, err
		}
	}
	if err := c.checkDestination(); err != nil {
		return nil, err
	}
	if opts.Names != nil {
		if err := c.rename(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.choose(ctx); err != nil {
		return nil, err
	}
	if err := c.write(ctx); err != nil {
		return nil, err
	}
	return c.res, nil
}

// conversion is one call of Convert.
type conversion struct {
	src     source
	in, out string
	opts    *Options
	tensors []checkpoint.TensorInfo // to be written
	total   int64                   // their bytes
	res     *Result
}

// choose selects the tensors that the destination can hold.
func (c *conversion) choose(ctx context.Context) error {
	for t := range c.src.Tensors() {
		err := c.check(&t)
		if err == nil && c.opts.SkipUnsupported {
			err = c.unreadable(ctx, &t)
		}
		if err != nil {
			if err := c.skip(t.Name, err); err != nil {
				return err
			}
			continue
		}
		c.tensors = append(c.tensors, t)
		c.total += t.Bytes
		if stored, err := npy.StoredType(t.DType); c.res.To == NPZ && err == nil && stored != t.DType {
			c.res.Widened[t.DType]++
		}
	}
	return nil
}

// unreadable returns why the strings of a tensor are none. Only reading them shows it.
func (c *conversion) unreadable(ctx context.Context, t *checkpoint.TensorInfo) error {
	if !hasStrings(t.DType) {
		return nil
	}
	_, err := c.src.ReadStrings(ctx, t.Name, nil)
	if errors.Is(err, tfkeep.ErrCorrupt) {
		return err
	}
	return nil // other errors end the conversion when the tensor is written
}

// check returns why the destination cannot hold a tensor.
func (c *conversion) check(t *checkpoint.TensorInfo) error {
	if t.Fault != nil {
		return t.Fault
	}
	switch c.res.To {
	case SafeTensors:
		return safetensors.Check(t)
	case NPZ:
		return npy.Check(t.Name, t.DType)
	case V1:
		if !checkpoint.V1Holds(t.DType) {
			return &tfkeep.Error{Err: tfkeep.ErrUnsupported, Detail: fmt.Sprintf("the V1 format has no %s; write V2", dtype.Name(t.DType))}
		}
	}
	return nil
}

// skip leaves out a tensor that the destination cannot hold, or returns the error for it.
func (c *conversion) skip(name string, why error) error {
	e := &tfkeep.Error{Op: "convert", Path: c.in, Item: "tensor", Name: name, Err: tfkeep.ErrUnsupported, Cause: why}
	var known *tfkeep.Error
	if errors.As(why, &known) {
		e.Detail, e.Cause = known.Detail, nil
	}
	if !c.opts.SkipUnsupported {
		return e
	}
	c.res.Skipped = append(c.res.Skipped, Skipped{name, e})
	return nil
}

// checkDestination refuses a path that exists or that cannot be a destination.
func (c *conversion) checkDestination() error {
	refuse := func(kind error, format string, args ...any) error {
		return &tfkeep.Error{Op: "convert to", Path: c.out, Err: kind, Detail: fmt.Sprintf(format, args...)}
	}
	isPrefix := c.res.To == V2 && filenames.EndsInSlash(c.out)
	if st, err := os.Stat(c.out); err == nil && st.IsDir() && !isPrefix {
		return refuse(tfkeep.ErrArgument, "it is a directory; name a file or a checkpoint's prefix in it, such as %s", filepath.Join(c.out, "model"))
	}
	existing := c.out
	if c.res.To == V2 || c.res.To == V1 {
		prefix, ok := filenames.ParseIndex(c.out)
		if !ok {
			prefix, ok = filenames.ParseMetaGraph(c.out)
		}
		if ok {
			return refuse(tfkeep.ErrArgument, "a checkpoint is named by its prefix: %s, without %s", prefix, strings.TrimPrefix(c.out, prefix))
		}
	}
	if c.res.To == V2 {
		existing = filenames.Index(c.out)
	}
	_, err := os.Stat(existing)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return vfs.Error("convert to", c.out, err)
	}
	if r, ok := c.src.(*checkpoint.Reader); ok && c.res.To == V2 && r.Version() == checkpoint.V2 && sameFile(filenames.Index(r.Prefix()), existing) {
		return refuse(tfkeep.ErrArgument, "it is the input")
	}
	if !c.opts.Replace {
		return &tfkeep.Error{Op: "convert to", Path: existing, Err: tfkeep.ErrExists}
	}
	return nil
}

func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
