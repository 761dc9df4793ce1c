package command

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

func (c *command) convert() *cobra.Command {
	var (
		to          string
		skip, force bool
		names       nameFlags
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

A checkpoint of TensorFlow 1 names its tensors by variables ("dense/kernel"), and one
of tf.train.Checkpoint by objects. --names-from MODEL gives OUT the names or objects
that MODEL has: the names that the Saver of a graph restores, or those of a checkpoint
or a SavedModel. So a TF1 graph starts from the weights of a Keras model, and the
reverse. "dense/kernel" also means the variable that Keras calls
"sequential/dense/kernel"; a name that could mean two variables is an error.
Without MODEL, --keys names uses the full names of the variables, and --keys objects
takes names for paths of objects. --map FILE has lines of a name in IN (a key, full
name or path) and one in OUT, for the tensors that this does not find. Values for
which MODEL has no name are left out and reported.

A graph (a GraphDef, a .meta file, a SavedModel's .pb or .pbtxt) is converted between
binary and protobuf text: to text if OUT ends in .pbtxt or .txt.

OUT appears when it is complete. An existing OUT is replaced only with --force.`,
		Example: `  tfkeep convert model.meta model.pbtxt
  tfkeep convert old-v1.ckpt new-v2
  tfkeep convert train/ model.safetensors
  tfkeep convert model.npz restored/model
  tfkeep convert --to v1 train/model-1000 for-tf-0.11.ckpt
  tfkeep convert --names-from model.meta keras/ckpt-5 tf1/start
  tfkeep convert --names-from keras/ckpt-1 train/model-1000 keras/start
  tfkeep convert --keys names --map names.txt export/1 weights.npz`,
		Args: needs(2, 2, "IN OUT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			named, err := names.read()
			if err != nil {
				return err
			}
			if named == nil {
				if done, err := c.convertGraph(args[0], args[1], force); done {
					return err
				}
			}
			format := convert.Format(to)
			if to != "" && !slices.Contains(convert.Formats(), format) {
				return cli.Usagef("--to %s is not one of %v", to, convert.Formats())
			}
			progress := c.NewProgress("converting", ui.Size)
			defer progress.Done()
			res, err := convert.Convert(cmd.Context(), args[0], args[1], &convert.Options{
				To: format, Replace: force, SkipUnsupported: skip, Names: named, Progress: progress.Set,
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
	names.add(cmd.Flags())
	return cmd
}

// maxMapFile is the largest map file that is read, in bytes.
const maxMapFile = 64 << 20

// nameFlags are the flags for other names.
type nameFlags struct {
	like, kind, file string
	partial          bool
}

func (f *nameFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.like, "names-from", "", "give OUT the names or objects of this `MODEL`: a graph, a SavedModel or a checkpoint")
	flags.StringVar(&f.kind, "keys", "", "the `KIND` of OUT's keys: names or objects")
	flags.StringVar(&f.file, "map", "", "a `FILE` with a name in IN and one in OUT in each line")
	flags.BoolVar(&f.partial, "partial", false, "with --names-from: leave out names for which IN has no value")
}

// read returns what the flags ask for, nil for nothing.
func (f *nameFlags) read() (*convert.Names, error) {
	if f.like == "" && f.kind == "" && f.file == "" {
		return nil, nil
	}
	if f.kind != "" && !slices.Contains(convert.NameKinds(), convert.NameKind(f.kind)) {
		return nil, cli.Usagef("--keys %s is not one of %v", f.kind, convert.NameKinds())
	}
	names := &convert.Names{Kind: convert.NameKind(f.kind), Like: f.like, Partial: f.partial}
	if f.file == "" {
		return names, nil
	}
	text, err := vfs.ReadFile(vfs.OS, f.file, maxMapFile)
	if err != nil {
		return nil, vfs.Error("read map", f.file, err)
	}
	if names.Map, err = convert.ReadMap(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", f.file, err)
	}
	return names, nil
}

// noteNames notes at most some names.
func (c *command) noteNames(what string, names []string) {
	if len(names) == 0 {
		return
	}
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = ui.Name(name)
	}
	c.Note("%s: %s", what, first(clean, shown, ""))
}

func (c *command) converted(out string, res *convert.Result) {
	c.Printf("%s  %s → %s, %s, %s\n", ui.Name(out), res.From, res.To, ui.Plural(int64(res.Tensors), "tensor"), ui.Size(res.Bytes))
	for _, dt := range slices.Sorted(maps.Keys(res.Widened)) {
		c.Note("%s of %s stored in a wider type that NumPy has; converting back restores the type",
			ui.Plural(int64(res.Widened[dt]), "tensor"), dtype.Name(dt))
	}
	c.noteNames("left out, because OUT has no names for them", res.LeftOut)
	c.noteNames("IN has no value for", res.Missing)
	for _, s := range res.Skipped {
		reason := s.Err.Error()
		if e, ok := errors.AsType[*tfkeep.Error](s.Err); ok {
			reason = faultReason(e, -1)
		}
		c.Note("left out %s: %s", ui.Name(s.Name), reason)
	}
}
