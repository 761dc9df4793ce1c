package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// freezeFlags are the flags of freeze_graph.py, under its names, and a few more.
type freezeFlags struct {
	graph, saver, checkpoint, metaGraph, savedModel, tags string
	outputs, output, initializers, allow, deny            string
	optimize                                              bool
	assets                                                string
	embedTables                                           bool
	renames                                               []string
	improvement
	clearDevices, binary, force bool
	ignored                     string
	version                     int
	asJSON                      bool
	limits                      *check.Limits
}

func (c *command) freeze() *cobra.Command {
	var f freezeFlags
	cmd := &cobra.Command{
		Use:   "freeze [CKPT] -o FILE",
		Short: "Turn a model into one GraphDef whose variables are constants",
		Long: `Turn a graph and a checkpoint into one GraphDef whose variables are constants, like
freeze_graph.py and with its flags: a script has one word to change. Files may be
text or binary.

The model is one of

  CKPT                                      its graph is the .meta file beside it;
                                            or a SavedModel's directory
  --input_graph and --input_checkpoint
  --input_meta_graph and --input_checkpoint
  --input_saved_model_dir

Without --outputs (--output_node_names) they are those of the signatures, or the
only node that can be an output. If there are several, they are listed and nothing
is written.

FILE appears when it is complete. An existing FILE is replaced only with --force.

--rename gives variables other keys of the checkpoint than the graph does. VARIABLE
is a regular expression for the whole name of a variable, and \1 in KEY is what its
first group matched. A variable without a value under its new key keeps its own.`,
		Example: `  tfkeep freeze train/ -o frozen.pb
  tfkeep freeze --input_graph graph.pbtxt --input_checkpoint train/model-1000 \
      --output_node_names softmax --output_graph frozen.pb
  tfkeep freeze export/1 -o small.pb --optimize --round float16
  tfkeep freeze train/ -o frozen.pb --outputs softmax --optimize --constant is_training=false
  tfkeep freeze train/ -o averages.pb --rename '(.*)=\1/ExponentialMovingAverage'`,
		Args: needs(0, 1, "at most one CKPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("clear_devices") {
				f.clearDevices = true
			}
			return c.runFreeze(cmd.Context(), &f, args)
		},
	}
	f.add(cmd)
	return cmd
}

// add adds the flags to a command.
func (f *freezeFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	cli.LimitsFlag(fl, &f.limits)
	fl.StringVar(&f.graph, "input_graph", "", "the GraphDef `FILE`")
	fl.StringVar(&f.saver, "input_saver", "", "the `FILE` with the SaverDef whose keys the checkpoint has")
	fl.StringVar(&f.checkpoint, "input_checkpoint", "", "the checkpoint: `CKPT` by any of its names")
	fl.StringVar(&f.metaGraph, "input_meta_graph", "", "the MetaGraphDef `FILE`")
	fl.StringVar(&f.savedModel, "input_saved_model_dir", "", "the `DIR` of a SavedModel")
	fl.StringVar(&f.tags, "saved_model_tags", "", "the `TAGS` of its graph, separated by commas; default: its only graph, the one without tags, or serve")
	fl.StringVar(&f.outputs, "output_node_names", "", "the `NODES` to keep, separated by commas")
	fl.StringVar(&f.outputs, "outputs", "", "the same `NODES`, as in the other verbs; or --output")
	fl.StringVar(&f.outputs, "output", "", "the same as --outputs")
	fl.StringVarP(&f.output, "output_graph", "o", "", "the `FILE` to write")
	fl.StringVar(&f.initializers, "initializer_nodes", "", "the `NODES` that initialize tables, separated by commas; they are kept too")
	fl.StringVar(&f.allow, "variable_names_whitelist", "", "the only variables to freeze: `NAMES` separated by commas")
	fl.StringVar(&f.deny, "variable_names_denylist", "", "variables not to freeze: `NAMES` separated by commas")
	fl.StringVar(&f.deny, "variable_names_blacklist", "", "the name of the flag above in TensorFlow 1")
	fl.BoolVar(&f.clearDevices, "clear_devices", true, "remove the devices of the nodes")
	fl.BoolVar(&f.optimize, "optimize", false, "optimize like optimize_for_inference: remove training nodes, fold batch norms")
	fl.StringVar(&f.inputs, "input_names", "", "with --optimize: the `NODES` that will be fed, separated by commas")
	fl.StringVar(&f.inputs, "inputs", "", "the same as --input_names")
	f.improvement.add(cmd)
	fl.BoolVar(&f.embedTables, "embed_tables", false, "put the content of lookup tables into the graph, so that it needs no files and no initializer")
	fl.StringVar(&f.assets, "assets", "", "with --embed_tables: the `DIR` of files that are no assets of the model")
	fl.StringArrayVar(&f.renames, "rename", nil, "freeze a variable with the value of another key: `VARIABLE=KEY`")
	fl.BoolVarP(&f.force, "force", "f", false, "replace FILE if it exists")
	fl.BoolVar(&f.asJSON, "json", false, "print the summary as one JSON object")
	for _, name := range []string{"restore_op_name", "filename_tensor_name"} {
		fl.StringVar(&f.ignored, name, "", "accepted and ignored, as by freeze_graph.py")
		_ = fl.MarkHidden(name)
	}
	fl.IntVar(&f.version, "checkpoint_version", 2, "accepted and ignored: the file shows the version")
	fl.BoolVar(&f.binary, "input_binary", false, "accepted and ignored: the file shows the format")
	_ = fl.MarkHidden("checkpoint_version")
	_ = fl.MarkHidden("input_binary")
	_ = fl.MarkHidden("variable_names_blacklist")
	_ = fl.MarkHidden("output")
	_ = fl.MarkHidden("inputs")
}

// joinBooleans makes "--clear_devices false" work as in freeze_graph.py, where the value
// of a boolean flag may be the next argument.
func joinBooleans(args []string) []string {
	if len(args) == 0 || args[0] != "freeze" {
		return args
	}
	var joined []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if (a == "--clear_devices" || a == "--input_binary") && i+1 < len(args) {
			if v := strings.ToLower(args[i+1]); v == "true" || v == "false" {
				joined = append(joined, a+"="+v)
				i++
				continue
			}
		}
		joined = append(joined, a)
	}
	return joined
}

// plan reads the model that the flags name.
func (f *freezeFlags) plan(ctx context.Context, args []string) (*freeze.Plan, error) {
	o := &freeze.Options{
		Limits:  f.limits,
		Outputs: cli.SplitList(f.outputs), KeepDevices: !f.clearDevices, InitializerNodes: cli.SplitList(f.initializers),
		VariableAllowlist: cli.SplitList(f.allow), VariableDenylist: cli.SplitList(f.deny), EmbedTables: f.embedTables, Assets: f.assets, Tags: cli.SplitList(f.tags),
	}
	if f.saver != "" {
		sd, err := graphdef.ReadSaverDef(f.saver)
		if err != nil {
			return nil, err
		}
		o.SaverDef = sd
	}
	renames, err := renameRules(f.renames)
	if err != nil {
		return nil, err
	}
	o.Rename = renames
	switch {
	case f.savedModel != "":
		return freeze.FromSavedModel(ctx, f.savedModel, o)
	case f.metaGraph != "":
		return freeze.FromMetaGraph(ctx, f.metaGraph, f.checkpoint, o)
	case f.graph != "":
		return freeze.FromGraph(ctx, f.graph, f.checkpoint, o)
	}
	path := f.checkpoint
	if len(args) > 0 {
		path = args[0]
	}
	if modeldir.IsSavedModel(path) {
		return freeze.FromSavedModel(ctx, path, o)
	}
	return freeze.FromCheckpoint(ctx, path, o)
}

// check returns an error if something is missing or contradictory on the command line.
func (f *freezeFlags) check(args []string) error {
	models := 0
	for _, given := range []bool{len(args) > 0, f.savedModel != "", f.metaGraph != "", f.graph != ""} {
		if given {
			models++
		}
	}
	switch {
	case f.output == "":
		return errors.New("no output: name the file to write with -o FILE (--output_graph)")
	case models > 1:
		return errors.New("more than one model: give CKPT, --input_graph, --input_meta_graph or --input_saved_model_dir")
	case models == 0 && f.checkpoint == "":
		return errors.New("no model: give CKPT, or --input_graph and --input_checkpoint")
	case (f.graph != "" || f.metaGraph != "") && f.checkpoint == "":
		return errors.New("no values: name the checkpoint with --input_checkpoint")
	}
	return nil
}

func (c *command) runFreeze(ctx context.Context, f *freezeFlags, args []string) error {
	if err := f.check(args); err != nil {
		return &cli.UsageError{Err: err}
	}
	if err := f.improvement.check(); err != nil {
		return &cli.UsageError{Err: err}
	}
	if err := mayWrite(f.output, f.force); err != nil {
		return err
	}
	plan, err := f.plan(ctx, args)
	if err != nil {
		return f.explain(ctx, err, args)
	}
	defer plan.Close()
	summary := frozenSummary{Report: plan.Report(), Path: f.output}
	if f.optimize || f.improvement.any() {
		err = c.freezeInMemory(ctx, f, plan, &summary)
	} else {
		progress := c.NewProgress("freezing", ui.Size)
		err = plan.WriteFile(ctx, f.output, &freeze.WriteOptions{Progress: progress.Set})
		progress.Done()
	}
	if err != nil {
		return err
	}
	return c.printFrozen(f, &summary)
}

// freezeInMemory holds the whole graph in memory, for options that change weights.
func (c *command) freezeInMemory(ctx context.Context, f *freezeFlags, plan *freeze.Plan, s *frozenSummary) error {
	def, err := plan.GraphDef(ctx)
	if err != nil {
		return err
	}
	if def, err = f.improve(def, s, f.optimize); err != nil {
		return err
	}
	return graphdef.Write(f.output, def, nil)
}

// renameRules reads the values of --rename.
func renameRules(settings []string) ([]freeze.Rename, error) {
	var rules []freeze.Rename
	for _, s := range settings {
		i := strings.LastIndexByte(s, '=')
		if i <= 0 || i == len(s)-1 {
			return nil, cli.Usagef("--rename %s: write it as VARIABLE=KEY", s)
		}
		rules = append(rules, freeze.Rename{Variable: s[:i], Key: s[i+1:]})
	}
	return rules, nil
}
