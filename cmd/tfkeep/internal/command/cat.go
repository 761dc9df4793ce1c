package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/ndtext"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

func (c *command) cat() *cobra.Command {
	var (
		npyPath      string
		sliceText    string
		full, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "cat CKPT NAME",
		Short: "Print or export the values of a tensor",
		Long: `Print the values of a tensor in NumPy's layout. The middle of a large tensor is left
out unless --full is given.

--npy writes a file for numpy.load. NumPy has no bfloat16 and no floats of 8 or 4
bits: they are written as float32, which holds each of their values exactly.
Strings become fixed-width bytes ("S"); quantized and small integers become plain
ones.`,
		Example: `  tfkeep cat train/model-1000 hidden/w
  tfkeep cat train/ embedding --slice 0,10:-
  tfkeep cat train/ embedding --npy embedding.npy
  tfkeep cat train/ global_step --json | jq .values`,
		Args: needs(2, 2, "CKPT NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			r, err := dir.Open(ctx, args[0], nil)
			if err != nil {
				return err
			}
			defer r.Close()
			t, ok := r.Lookup(args[1])
			if !ok {
				return noTensor(r, args[1])
			}
			var slice checkpoint.Slice
			if sliceText != "" {
				if slice, err = checkpoint.ParseSlice(sliceText); err != nil {
					return &cli.UsageError{Err: err}
				}
			}
			if npyPath != "" {
				return c.writeNPY(ctx, r, t, slice, npyPath)
			}
			return c.printValues(ctx, r, t, slice, full, asJSON)
		},
	}
	cmd.Flags().StringVar(&npyPath, "npy", "", "write a .npy `FILE` instead of printing; - is standard output")
	cmd.Flags().StringVar(&sliceText, "slice", "", "only a part: `START,LENGTH` for each dimension, joined by colons; - is a whole dimension")
	cmd.Flags().BoolVar(&full, "full", false, "print every value")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: name, dtype, shape, values")
	cmd.MarkFlagsMutuallyExclusive("npy", "full")
	cmd.MarkFlagsMutuallyExclusive("npy", "json")
	return cmd
}

// values reads a tensor or a slice of it, and returns the shape of what it read.
func values(ctx context.Context, r *checkpoint.Reader, t checkpoint.TensorInfo, s checkpoint.Slice) (shape []int64, data []byte, strings [][]byte, err error) {
	shape = t.Shape
	if s != nil {
		if shape, err = s.Shape(t.Shape); err != nil {
			return nil, nil, nil, err
		}
	}
	if t.DType == dtype.String {
		strings, err = r.ReadStrings(ctx, t.Name, s)
	} else {
		data, err = r.ReadBytes(ctx, t.Name, s)
	}
	return shape, data, strings, err
}

func (c *command) printValues(ctx context.Context, r *checkpoint.Reader, t checkpoint.TensorInfo, s checkpoint.Slice, full, asJSON bool) error {
	shape, data, strings, err := values(ctx, r, t, s)
	if err != nil {
		return err
	}
	if asJSON {
		return writeValuesJSON(c.Out, t, shape, data, strings)
	}
	c.Printf("%s\n", c.Paint(ui.Dim, fmt.Sprintf("%s  %s %s", ui.Name(t.Name), dtype.Name(t.DType), shapeText(shape))))
	if err := ndtext.Fprint(c.Out, t.DType, shape, data, strings, &ndtext.Options{Full: full, Width: c.Width(75)}); err != nil {
		return err
	}
	c.Printf("\n")
	return nil
}

func (c *command) writeNPY(ctx context.Context, r *checkpoint.Reader, t checkpoint.TensorInfo, s checkpoint.Slice, path string) error {
	write := func(w io.Writer) error {
		if t.DType == dtype.String || s != nil {
			shape, data, strings, err := values(ctx, r, t, s)
			if err != nil {
				return err
			}
			if t.DType == dtype.String {
				return npy.WriteStrings(w, shape, strings)
			}
			return npy.Write(w, t.DType, shape, bytes.NewReader(data))
		}
		in, err := r.OpenTensor(ctx, t.Name, nil)
		if err != nil {
			return err
		}
		defer in.Close()
		if err := npy.Write(w, t.DType, t.Shape, in); err != nil {
			return err
		}
		// The checksum is compared at the end, which Write may not have reached.
		_, err = io.Copy(io.Discard, in)
		return err
	}
	stored, err := npy.StoredType(t.DType)
	if err != nil {
		return err
	}
	if path == "-" {
		if c.OutIsTerminal() {
			return cli.Usagef("--npy - would write binary data to the terminal; redirect it")
		}
		return write(c.Out)
	}
	out, err := vfs.CreateAtomic(vfs.OS, path)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer out.Close()
	if err := write(out); err != nil {
		return err
	}
	if err := out.Commit(true); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	as := ""
	if stored != t.DType {
		as = fmt.Sprintf(" as %s, which holds every %s exactly", dtype.Name(stored), dtype.Name(t.DType))
	}
	c.Note("wrote %s, %s%s", path, ui.Size(st.Size()), as)
	return nil
}
