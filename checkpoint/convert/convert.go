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
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/safetensors"
)

// ErrExists reports that the destination is there already.
var ErrExists = errors.New("exists already")

// Options tunes [Convert]. The zero value, or nil, is the right default.
type Options struct {
	// To is the destination's format; "" goes by its name, see [FormatOf].
	To Format
	// Replace lets a destination that exists be replaced.
	Replace bool
	// SkipUnsupported leaves out tensors that the destination cannot hold.
	SkipUnsupported bool
	// NoSync leaves it to the operating system when the files reach the disk.
	NoSync bool
	// Progress, if not nil, is called with the bytes of each tensor done, from
	// one goroutine.
	Progress func(bytes int64)
}

// Result says what was done.
type Result struct {
	From, To Format
	Tensors  int   // written
	Bytes    int64 // of their values
	// Skipped are the tensors left out and why.
	Skipped []Skipped
	// Widened counts the tensors of each type that the destination holds in a
	// wider one: those that NumPy lacks, in .npz.
	Widened map[dtype.DataType]int
}

// Skipped is a tensor that was left out.
type Skipped struct {
	Name string
	Err  error
}

// Convert reads the checkpoint or file in and writes out. The formats go by
// the names' endings. in may be any name that checkpoint.Open takes.
//
// A tensor that the destination cannot hold is tfkeep.ErrUnsupported, a
// destination that exists [ErrExists]; both are found before anything is
// written.
func Convert(ctx context.Context, in, out string, o *Options) (*Result, error) {
	if o == nil {
		o = &Options{}
	}
	src, from, err := openSource(ctx, in)
	if err != nil {
		return nil, err
	}
	defer src.close()
	res := &Result{From: from, To: o.To, Widened: map[dtype.DataType]int{}}
	if res.To == "" {
		if res.To, err = FormatOf(out); err != nil {
			return nil, err
		}
	}
	if err := checkDestination(src, out, res.To, o.Replace); err != nil {
		return nil, err
	}
	tensors, err := res.choose(src.tensors(), o.SkipUnsupported)
	if err != nil {
		return nil, err
	}
	w := &writing{ctx: ctx, src: src, tensors: tensors, out: out, opts: o, res: res}
	switch res.To {
	case V2, V1:
		err = w.checkpoint()
	case SafeTensors:
		err = w.safeTensors()
	case NPZ:
		err = w.npz()
	default:
		err = fmt.Errorf("convert: %w: format %q; there are %v", tfkeep.ErrUnsupported, res.To, Formats())
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}

// choose finds the tensors that the destination can hold.
func (res *Result) choose(all []checkpoint.TensorInfo, skip bool) ([]checkpoint.TensorInfo, error) {
	var chosen []checkpoint.TensorInfo
	for _, t := range all {
		var err error
		switch res.To {
		case SafeTensors:
			if _, err = safetensors.DTypeName(t.DType); err == nil {
				err = safetensors.CheckName(t.Name)
			}
		case NPZ:
			var stored dtype.DataType
			if stored, err = npy.StoredType(t.DType); err == nil {
				err = npy.CheckName(t.Name)
			}
			if err == nil && stored != t.DType {
				res.Widened[t.DType]++
			}
		case V1:
			if !checkpoint.V1Holds(t.DType) {
				err = fmt.Errorf("convert: %w: the V1 format has no %s; write V2", tfkeep.ErrUnsupported, dtype.Name(t.DType))
			}
		default:
			if t.DType != dtype.String && dtype.Size(t.DType) == 0 {
				err = fmt.Errorf("convert: %w: %s has no values of its own", tfkeep.ErrUnsupported, dtype.Name(t.DType))
			}
		}
		switch {
		case err == nil:
			chosen = append(chosen, t)
		case skip:
			res.Skipped = append(res.Skipped, Skipped{t.Name, err})
		default:
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return chosen, nil
}

// checkDestination refuses a path that cannot be meant.
func checkDestination(src source, out string, to Format, replace bool) error {
	if st, err := os.Stat(out); err == nil && st.IsDir() {
		return fmt.Errorf("convert: %s is a directory; name a file or a checkpoint's prefix in it, such as %s",
			out, filepath.Join(out, "model"))
	}
	if to == V2 || to == V1 {
		for _, end := range []string{".index", ".meta"} {
			if prefix, ok := strings.CutSuffix(out, end); ok {
				return fmt.Errorf("convert: a checkpoint is named by its prefix: %s, without %s", prefix, end)
			}
		}
	}
	there := out
	if to == V2 {
		there += ".index"
	}
	_, err := os.Stat(there)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("convert: %w", err)
	}
	if c, ok := src.(checkpointSource); ok && to == V2 && c.r.Version() == checkpoint.V2 && sameFile(c.r.Prefix()+".index", there) {
		return fmt.Errorf("convert: %s is the input", out)
	}
	if !replace {
		return fmt.Errorf("convert: %s: %w", there, ErrExists)
	}
	return nil
}

func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
