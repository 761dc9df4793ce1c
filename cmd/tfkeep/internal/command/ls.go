package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
)

func (c *command) ls() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls CKPT [NAME…]",
		Short: "List the tensors of a checkpoint",
		Long: `List the tensors of a checkpoint: name, type, shape and size. Only the index is read,
which is quick for a checkpoint of any size.

Each NAME selects tensors; * in it stands for anything, including /.`,
		Example: `  tfkeep ls train/
  tfkeep ls train/model-1000 'hidden/*'
  tfkeep ls --json train/model-1000 | jq -r 'select(.dtype=="float32").name'`,
		Args: needs(1, -1, "CKPT [NAME…]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.listTensors(cmd.Context(), args[0], args[1:], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line: name, dtype, shape, bytes, shard, crc32c, slices")
	return cmd
}

// listTensors lists the tensors of a checkpoint that names select.
func (c *command) listTensors(ctx context.Context, ckpt string, names []string, asJSON bool) error {
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	tensors, err := selectTensors(r, names)
	if err != nil {
		return err
	}
	if asJSON {
		return c.listJSON(r, tensors)
	}
	return c.listTable(r, tensors)
}

func (c *command) listTable(r *checkpoint.Reader, tensors []checkpoint.TensorInfo) error {
	var bytes, elements int64
	parts := false
	for _, t := range tensors {
		parts = parts || t.Slices != nil
	}
	headings := []string{"NAME", "DTYPE", "SHAPE", ">SIZE", ""}
	if parts {
		headings[4] = ">PARTS"
	}
	table := c.NewTable(headings...)
	for _, t := range tensors {
		n, _ := dtype.NumElements(t.Shape)
		if t.DType != dtype.String {
			elements += n
		}
		bytes += t.Bytes
		slices := ""
		if t.Slices != nil {
			slices = fmt.Sprint(len(t.Slices))
		}
		table.Row(ui.Name(t.Name), ui.Styled{Style: ui.Cyan, Text: dtype.Name(t.DType)},
			shapeText(t.Shape), ui.Size(t.Bytes), slices)
	}
	if err := table.Print(); err != nil {
		return err
	}
	c.Printf("%s\n", c.Paint(ui.Dim, fmt.Sprintf("%s, %s, %s  %s (%s)",
		ui.Plural(int64(len(tensors)), "tensor"), ui.Plural(elements, "number"), ui.Size(bytes), ui.Name(r.Prefix()), r.Version())))
	return nil
}

// tensorJSON is one line of ls --json.
type tensorJSON struct {
	Name   string      `json:"name"`
	DType  string      `json:"dtype"`
	Shape  []int64     `json:"shape"`
	Bytes  int64       `json:"bytes"`
	Shard  int         `json:"shard"`
	CRC32C *uint32     `json:"crc32c,omitempty"` // nil for V1, which has no checksums of tensors
	Slices []sliceJSON `json:"slices,omitempty"`
}

type sliceJSON struct {
	Slice  string  `json:"slice"`
	Bytes  int64   `json:"bytes"`
	Shard  int     `json:"shard"`
	CRC32C *uint32 `json:"crc32c,omitempty"`
}

func (c *command) listJSON(r *checkpoint.Reader, tensors []checkpoint.TensorInfo) error {
	out := newLines(c.Out)
	crc := func(v uint32) *uint32 {
		if r.Version() == checkpoint.V1 {
			return nil
		}
		return &v
	}
	for _, t := range tensors {
		line := tensorJSON{
			Name: t.Name, DType: dtype.Name(t.DType), Shape: append([]int64{}, t.Shape...),
			Bytes: t.Bytes, Shard: t.Shard,
		}
		if t.Slices == nil { // otherwise each slice has its own
			line.CRC32C = crc(t.CRC32C)
		}
		for _, s := range t.Slices {
			line.Slices = append(line.Slices, sliceJSON{s.Slice.String(), s.Bytes, s.Shard, crc(s.CRC32C)})
		}
		if err := out.write(line); err != nil {
			return err
		}
	}
	return out.flush()
}

// shapeText writes a shape as Python does: "[784, 10]", "[]".
func shapeText(shape []int64) string {
	return strings.ReplaceAll(fmt.Sprint(shape), " ", ", ")
}
