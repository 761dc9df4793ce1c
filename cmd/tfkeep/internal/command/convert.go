package command

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
)

func (c *command) convert() *cobra.Command {
	var (
		to          string
		skip, force bool
	)
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "Convert checkpoints (V1, V2, safetensors, npz), and graphs to and from text",
		Long: `Convert a checkpoint. The name of OUT selects the format: .safetensors and .npz are
files of that kind, anything else is the prefix of a V2 checkpoint. IN is a
checkpoint by any of its names, or a .safetensors or .npz file.

Values, names, types and shapes do not change. A tensor that OUT's format cannot
hold is an error, or is left out and reported with --skip-unsupported: safetensors
has no strings and no complex128, V1 has no bfloat16 and no newer types. NumPy has
no bfloat16 and no 8-bit floats: .npz holds them exactly as float32, and converting
back restores their type.

A graph (a GraphDef, a .meta file, a SavedModel's .pb or .pbtxt) is converted between
binary and protobuf text: to text if OUT ends in .pbtxt or .txt.

OUT appears when it is complete. An existing OUT is replaced only with --force.`,
		Example: `  tfkeep convert model.meta model.pbtxt
  tfkeep convert old-v1.ckpt new-v2
  tfkeep convert train/ model.safetensors
  tfkeep convert model.npz restored/model
  tfkeep convert --to v1 train/model-1000 for-tf-0.11.ckpt`,
		Args: needs(2, 2, "IN OUT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if done, err := c.convertGraph(args[0], args[1], force); done {
				return err
			}
			format := convert.Format(to)
			if to != "" && !slices.Contains(convert.Formats(), format) {
				return cli.Usagef("--to %s is not one of %v", to, convert.Formats())
			}
			progress := c.NewProgress("converting", ui.Size)
			defer progress.Done()
			res, err := convert.Convert(cmd.Context(), args[0], args[1], &convert.Options{
				To: format, Replace: force, SkipUnsupported: skip, Progress: progress.Set,
			})
			progress.Done()
			var place *tfkeep.Error
			switch {
			case errors.Is(err, tfkeep.ErrExists):
				return fmt.Errorf("%w; --force replaces it", err)
			case errors.As(err, &place) && place.Op == "convert" && place.Item == "tensor" && errors.Is(err, tfkeep.ErrUnsupported):
				return fmt.Errorf("%w; --skip-unsupported leaves such tensors out", err)
			case err != nil:
				return err
			}
			c.converted(args[1], res)
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the `FORMAT` of OUT, whatever its name: v2, v1, safetensors or npz")
	cmd.Flags().BoolVar(&skip, "skip-unsupported", false, "leave out tensors that OUT's format cannot hold")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace OUT if it exists")
	return cmd
}

func (c *command) converted(out string, res *convert.Result) {
	c.Printf("%s  %s → %s, %s, %s\n", out, res.From, res.To, ui.Plural(int64(res.Tensors), "tensor"), ui.Size(res.Bytes))
	for _, dt := range slices.Sorted(maps.Keys(res.Widened)) {
		c.Note("%s of %s stored in a wider type that NumPy has; converting back restores the type",
			ui.Plural(int64(res.Widened[dt]), "tensor"), dtype.Name(dt))
	}
	for _, s := range res.Skipped {
		reason := s.Err.Error()
		if e, ok := errors.AsType[*tfkeep.Error](s.Err); ok {
			reason = faultReason(e, -1)
		}
		c.Note("left out %s: %s", ui.Name(s.Name), reason)
	}
}
