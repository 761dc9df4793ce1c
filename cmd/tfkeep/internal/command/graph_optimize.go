package command

import (
	"fmt"
	"os"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/freeze/inference"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// improvement has the flags for what is done to a frozen graph in memory.
type improvement struct {
	inputs, round string
	constants     []string
}

func (f *improvement) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringSliceVar(&f.constants, "constant", nil, "fix a boolean placeholder: `NAME=BOOL`, such as is_training=false")
	fl.StringVar(&f.round, "round", "", "store weights as `TYPE`: float16 or bfloat16")
}

// check returns an error for values that are not possible.
func (f *improvement) check() error {
	if f.round != "" && f.round != "float16" && f.round != "bfloat16" {
		return fmt.Errorf("--round %s: it must be float16 or bfloat16", f.round)
	}
	_, err := booleans(f.constants)
	return err
}

// any reports whether anything is to be done.
func (f *improvement) any() bool { return f.round != "" || len(f.constants) > 0 || f.inputs != "" }

// improve changes a frozen graph as the flags say, and the summary with it.
func (f *improvement) improve(def *graphdef.GraphDef, s *frozenSummary, optimize bool) (*graphdef.GraphDef, error) {
	constants, err := booleans(f.constants)
	if err != nil {
		return nil, err
	}
	if optimize || len(constants) > 0 || f.inputs != "" {
		o := &inference.Options{Outputs: s.Outputs, Inputs: cli.SplitList(f.inputs), Constants: constants,
			KeepBatchNorms: !optimize, KeepTrainingNodes: !optimize}
		if def, s.optimized, err = inference.Optimize(def, o); err != nil {
			return nil, err
		}
	}
	if f.round != "" {
		to := types_go_proto.DataType_DT_HALF
		if f.round == "bfloat16" {
			to = types_go_proto.DataType_DT_BFLOAT16
		}
		if def, s.rounded, err = inference.RoundWeights(def, to, 0); err != nil {
			return nil, err
		}
	}
	s.describe(def)
	return def, nil
}

// describe updates the summary after changes to the graph.
func (s *frozenSummary) describe(def *graph_go_proto.GraphDef) {
	s.Nodes, s.Size, s.Inputs = len(def.Node), int64(proto.Size(def)), nil
	for _, n := range def.Node {
		if n.Op == "Placeholder" {
			s.Inputs = append(s.Inputs, n.Name)
		}
	}
}

func booleans(settings []string) (map[string]bool, error) {
	m := map[string]bool{}
	for _, s := range settings {
		name, value, ok := strings.Cut(s, "=")
		value = strings.ToLower(value)
		if !ok || name == "" || value != "true" && value != "false" {
			return nil, fmt.Errorf("--constant %s: write it as NAME=true or NAME=false", s)
		}
		m[name] = value == "true"
	}
	return m, nil
}

// mayWrite refuses to replace a file without --force.
func mayWrite(path string, force bool) error {
	if info, err := os.Lstat(path); err == nil && !force && !info.IsDir() {
		return fmt.Errorf("%s exists; --force replaces it", path)
	}
	return nil
}

func (c *command) graphOptimize() *cobra.Command {
	var (
		f       improvement
		o       output
		outputs []string
	)
	cmd := &cobra.Command{
		Use:   "optimize FROZEN OUT",
		Short: "Optimize a frozen graph for inference",
		Long: `Do what "tfkeep freeze --optimize" does to a graph that is already frozen: remove
training nodes, fold batch normalizations into the weights before them, and keep one
branch of each conditional whose predicate is constant, or is fixed with --constant.

Without --outputs the only node that can be an output is kept, with what it needs. If
there are several, they are listed and nothing is written.`,
		Example: `  tfkeep graph optimize frozen.pb small.pb --outputs softmax
  tfkeep graph optimize frozen.pb small.pb --constant is_training=false --round float16`,
		Args: needs(2, 2, "FROZEN OUT"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return &cli.UsageError{Err: err}
			}
			def, err := graphIn(args[0])
			if err != nil {
				return err
			}
			for fn, n := range nodedef.AllNodes(def) {
				if nodedef.IsVariableOp(n.Op) {
					return fmt.Errorf("%s is not frozen: %s is a variable%s; use \"tfkeep freeze --optimize\" with its checkpoint", args[0], n.Name, inFunction(fn))
				}
			}
			if len(outputs) == 0 {
				if outputs = freeze.SuggestOutputs(def, nil); len(outputs) != 1 {
					return fmt.Errorf("%s: name the nodes to keep with --outputs%s", args[0], likely(outputs))
				}
			}
			was := len(def.GetNode())
			s := &frozenSummary{Report: freeze.Report{Outputs: outputs}, Path: args[1]}
			if def, err = f.improve(def, s, true); err != nil {
				return err
			}
			if err := c.writeGraph(args[1], def, &o, was, len(def.GetNode())); err != nil {
				return err
			}
			c.printImproved(s)
			return nil
		},
	}
	o.flags(cmd)
	f.add(cmd)
	cmd.Flags().StringSliceVar(&outputs, "outputs", nil, "the `NODES` that are kept with everything that they need")
	cmd.Flags().StringVar(&f.inputs, "inputs", "", "the `NODES` that will be fed, separated by commas; what only they need is removed")
	return cmd
}

func inFunction(name string) string {
	if name == "" {
		return ""
	}
	return " in function " + name
}

func likely(outputs []string) string {
	if len(outputs) == 0 {
		return ""
	}
	const most = 12
	text := strings.Join(outputs[:min(most, len(outputs))], ", ")
	if len(outputs) > most {
		text += ", …"
	}
	return "; likely ones are " + text
}

// printImproved prints what was done to the graph besides.
func (c *command) printImproved(s *frozenSummary) {
	field := func(name, value string) { c.Printf("  %-9s %s\n", name, ui.Clean(value)) }
	if s.optimized != nil && len(s.optimized.Folded) > 0 {
		field("folded", ui.Plural(int64(len(s.optimized.Folded)), "batch norm"))
	}
	for _, r := range s.rounded {
		field("rounded", roundedText(r))
	}
}
