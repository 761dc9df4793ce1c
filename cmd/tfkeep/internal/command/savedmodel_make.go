package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
)

// makeFlags are the flags of the verbs that make a model.
type makeFlags struct {
	tags, key               string
	inputs, outputs         []string
	text, manifest, devices bool
	meta                    string
}

func (f *makeFlags) add(cmd *cobra.Command) {
	tagsFlag(cmd, &f.tags, "the model's `TAGS`, separated by commas; default: serve")
	fl := cmd.Flags()
	fl.StringVar(&f.key, "signature", "", "the `KEY` of its signature; default: serving_default")
	fl.StringSliceVar(&f.inputs, "input", nil, "an input: `NAME=TENSOR`, or just TENSOR; may be repeated")
	fl.StringSliceVar(&f.outputs, "output", nil, "an output: `NAME=TENSOR`, or just TENSOR; may be repeated")
	fl.BoolVar(&f.text, "text", false, "write saved_model.pbtxt instead of saved_model.pb")
	fl.BoolVar(&f.manifest, "manifest", false, "add a list of all files with their checksums")
	fl.BoolVar(&f.devices, "keep_devices", false, "keep the devices of the nodes")
}

func (f *makeFlags) options() (*offline.Options, error) {
	in, err := tensors("--input", f.inputs)
	if err != nil {
		return nil, err
	}
	out, err := tensors("--output", f.outputs)
	if err != nil {
		return nil, err
	}
	return &offline.Options{Tags: cli.SplitList(f.tags), Key: f.key, Inputs: in, Outputs: out, Text: f.text, Manifest: f.manifest, ClearDevices: !f.devices, MetaGraph: f.meta}, nil
}

// tensors parses NAME=TENSOR, or TENSOR, which is named after the last part of its node's
// name.
func tensors(flag string, settings []string) (map[string]string, error) {
	if len(settings) == 0 {
		return nil, fmt.Errorf("%s is missing: name a tensor of the graph", flag)
	}
	m := map[string]string{}
	for _, s := range settings {
		name, tensor, ok := strings.Cut(s, "=")
		if !ok {
			tensor = s
			name, _, _ = strings.Cut(s[strings.LastIndexByte(s, '/')+1:], ":")
		}
		if name == "" || tensor == "" {
			return nil, fmt.Errorf("%s %s: write it as NAME=TENSOR", flag, s)
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%s: the name %q is given twice", flag, name)
		}
		m[name] = tensor
	}
	return m, nil
}

func (c *command) savedModelFromFrozen() *cobra.Command {
	var f makeFlags
	cmd := &cobra.Command{
		Use:   "from-frozen GRAPH DIR",
		Short: "Make a SavedModel of a frozen graph",
		Long: `Make a SavedModel of a graph without variables. DIR appears when it is complete, and
must not exist or be empty.`,
		Example: `  tfkeep savedmodel from-frozen frozen.pb export/1 --input x --output probabilities=y:0`,
		Args:    needs(2, 2, "GRAPH DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.options()
			if err != nil {
				return &cli.UsageError{Err: err}
			}
			def, err := graphdef.ReadGraphDef(args[0])
			if err != nil {
				return err
			}
			path, err := offline.FromFrozen(cmd.Context(), def, args[1], o)
			if err != nil {
				return err
			}
			c.Printf("%s\n", ui.Name(path))
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func (c *command) savedModelFromCheckpoint() *cobra.Command {
	var f makeFlags
	cmd := &cobra.Command{
		Use:   "from-checkpoint CKPT DIR",
		Short: "Make a SavedModel of a checkpoint and its meta graph",
		Long: `Make a SavedModel of a checkpoint and its meta graph. DIR appears when it is complete,
and must not exist or be empty.`,
		Example: `  tfkeep savedmodel from-checkpoint train/ export/1 --input x --output y`,
		Args:    needs(2, 2, "CKPT DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.options()
			if err != nil {
				return &cli.UsageError{Err: err}
			}
			path, err := offline.FromCheckpoint(cmd.Context(), args[0], args[1], o)
			if err != nil {
				return err
			}
			c.Printf("%s\n", ui.Name(path))
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.meta, "meta_graph", "", "the meta graph `FILE`; default: the .meta file beside the checkpoint")
	return cmd
}

func (c *command) savedModelPrune() *cobra.Command {
	var keep []string
	cmd := &cobra.Command{
		Use:   "prune DIR --keep TAGS",
		Short: "Keep only the graphs with the given tags",
		Long: `Remove all graphs from a SavedModel except those with exactly the given tags. The
model is changed in place, in one step.`,
		Example: `  tfkeep savedmodel prune export/1 --keep serve
  tfkeep savedmodel prune export/1 --keep serve --keep serve,gpu`,
		Args: needs(1, 1, "DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(keep) == 0 {
				return cli.Usagef("--keep is missing: name the tags of the graphs to keep")
			}
			lists := make([][]string, len(keep))
			for i, k := range keep {
				lists[i] = cli.SplitList(k)
			}
			return c.edited(args[0], offline.Edit(cmd.Context(), args[0], offline.KeepTags(lists...)))
		},
	}
	cmd.Flags().StringArrayVar(&keep, "keep", nil, "the `TAGS` of a graph to keep, separated by commas; may be repeated")
	return cmd
}

func (c *command) savedModelRetag() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "retag DIR --from TAGS --to TAGS",
		Short: "Change the tags of a graph",
		Long: `Change the tags of a graph in a SavedModel. The model is changed in place, in one
step.`,
		Example: `  tfkeep savedmodel retag export/1 --from tag --to serve`,
		Args:    needs(1, 1, "DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("to") {
				return cli.Usagef("--to is missing: name the new tags")
			}
			return c.edited(args[0], offline.Edit(cmd.Context(), args[0], offline.Retag(cli.SplitList(from), cli.SplitList(to))))
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the present `TAGS`, separated by commas; default: those of the only graph")
	cmd.Flags().StringVar(&to, "to", "", "the new `TAGS`, separated by commas")
	return cmd
}

func (c *command) savedModelResign() *cobra.Command {
	var tags, key, remove, rename string
	var inputs, outputs []string
	cmd := &cobra.Command{
		Use:   "resign DIR",
		Short: "Add, replace, rename or remove a signature",
		Long: `Add, replace, rename or remove a signature. With several of these flags the signature
is removed first, then renamed, then added. The model is changed in place, in one
step.`,
		Example: `  tfkeep savedmodel resign export/1 --signature serving_default --input x --output y
  tfkeep savedmodel resign export/1 --rename predict=serving_default
  tfkeep savedmodel resign export/1 --remove old`,
		Args: needs(1, 1, "DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var changes []offline.Change
			if remove != "" {
				changes = append(changes, offline.RemoveSignature(cli.SplitList(tags), remove))
			}
			if rename != "" {
				from, to, ok := strings.Cut(rename, "=")
				if !ok {
					return cli.Usagef("--rename %s: write it as OLD=NEW", rename)
				}
				changes = append(changes, offline.RenameSignature(cli.SplitList(tags), from, to))
			}
			if key != "" {
				in, err := tensors("--input", inputs)
				if err != nil {
					return &cli.UsageError{Err: err}
				}
				out, err := tensors("--output", outputs)
				if err != nil {
					return &cli.UsageError{Err: err}
				}
				changes = append(changes, offline.SetSignature(cli.SplitList(tags), key, in, out))
			}
			if len(changes) == 0 {
				return cli.Usagef("nothing to do: give --signature, --rename or --remove")
			}
			return c.edited(args[0], offline.Edit(cmd.Context(), args[0], changes...))
		},
	}
	tagsFlag(cmd, &tags, "the `TAGS` of the graph, separated by commas; default: the only graph")
	cmd.Flags().StringVar(&key, "signature", "", "the `KEY` of the signature to add or replace")
	cmd.Flags().StringSliceVar(&inputs, "input", nil, "an input: `NAME=TENSOR`, or just TENSOR; may be repeated")
	cmd.Flags().StringSliceVar(&outputs, "output", nil, "an output: `NAME=TENSOR`, or just TENSOR; may be repeated")
	cmd.Flags().StringVar(&rename, "rename", "", "rename a signature: `OLD=NEW`")
	cmd.Flags().StringVar(&remove, "remove", "", "the `KEY` of the signature to remove")
	return cmd
}

func (c *command) edited(dir string, err error) error {
	if err == nil {
		c.Printf("%s changed\n", ui.Name(dir))
	}
	return err
}
