package command

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	graphdiff "github.com/tfkeep/tfkeep/graphdef/diff"
	"github.com/tfkeep/tfkeep/graphdef/draw"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

func (c *command) graphCheck() *cobra.Command {
	var limits *check.Limits
	cmd := &cobra.Command{
		Use:   "check IN",
		Short: "Find everything that is wrong with a graph",
		Long: `Find everything that is wrong with the graphs in a file: cycles, nodes that are
missing or defined twice, inputs of outputs that do not exist, functions
that call themselves, attributes that are missing, and more. In a meta graph, also what
TensorFlow's import_meta_graph refuses: collections, variables, queue runners, loops and
conditionals that name what is gone. The exit code is 1 if there is a fault. An op that
TensorFlow lacks is a note: it may be one of another library.`,
		Example: `  tfkeep graph check model.meta`,
		Args:    needs(1, 1, "IN"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := graphdef.Read(args[0])
			if err != nil {
				return err
			}
			nodes := 0
			for _, g := range graphsOf(m) {
				nodes += len(g.GetNode())
			}
			var faults, unknown []string
			for _, f := range faultsOf(m, &check.Options{Limits: limits}) {
				if f.IsUnknownOp() {
					unknown = append(unknown, ui.Clean("note: "+f.String()+"; it may be one of another library"))
				} else {
					faults = append(faults, ui.Clean(f.String()))
				}
			}
			for _, line := range slices.Concat(faults, unknown) {
				c.Printf("%s\n", line)
			}
			if len(faults) > 0 {
				c.Printf("%s\n", c.Paint(ui.Red, fmt.Sprintf("%s: %s", ui.Name(args[0]), ui.Plural(int64(len(faults)), "fault"))))
				return cli.ErrBadNews
			}
			rest := ""
			if len(unknown) > 0 {
				rest = "; it needs ops of another library"
			}
			c.Printf("%s: %s, %s, no faults%s\n", ui.Name(args[0]), messageName(m), ui.Plural(int64(nodes), "node"), rest)
			return nil
		},
	}
	cli.LimitsFlag(cmd.Flags(), &limits)
	return cmd
}

// faultsOf returns everything that package check finds in a file.
func faultsOf(m proto.Message, o *check.Options) []check.Fault {
	var all []check.Fault
	add := func(err error) {
		if faults, ok := errors.AsType[*check.Error](err); ok {
			all = append(all, faults.Faults...)
		}
	}
	switch m := m.(type) {
	case *graphdef.GraphDef:
		add(check.Graph(m, o))
	case *graphdef.MetaGraphDef:
		add(check.MetaGraph(m, o))
	case *graphdef.SavedModel:
		for _, mg := range m.GetMetaGraphs() {
			add(check.MetaGraph(mg, o))
		}
	}
	return all
}

func (c *command) graphDiff() *cobra.Command {
	var o graphdiff.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two graphs",
		Long: `Compare two graphs: "-" is only in A, "+" is only in B, "~" is in both but not the
same. The order of nodes, of functions and of control inputs does not matter. The
exit code is 1 if anything differs.`,
		Example: `  tfkeep graph diff a.pb b.pb
  tfkeep graph diff --ignore-versions --ignore-shapes model.meta frozen.pb`,
		Args: needs(2, 2, "A B"),
		RunE: func(_ *cobra.Command, args []string) error {
			a, err := graphIn(args[0])
			if err != nil {
				return err
			}
			b, err := graphIn(args[1])
			if err != nil {
				return err
			}
			o.NaNEqual = true
			found := graphdiff.Graphs(a, b, &o)
			out := newLines(c.Out)
			for _, d := range found {
				if !asJSON {
					c.Printf("%s\n", c.Paint(diffColor(d), ui.Clean(d.String())))
					continue
				}
				line := struct {
					Function string `json:"function,omitempty"`
					Node     string `json:"node,omitempty"`
					What     string `json:"what,omitempty"`
					A        string `json:"a,omitempty"`
					B        string `json:"b,omitempty"`
				}{d.Function, d.Node, d.What, d.A, d.B}
				if err := out.write(line); err != nil {
					return err
				}
			}
			if err := out.flush(); err != nil {
				return err
			}
			if len(found) > 0 {
				return cli.ErrBadNews
			}
			if !asJSON {
				c.Printf("no difference in %s\n", ui.Plural(int64(len(a.GetNode())), "node"))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&o.IgnoreVersions, "ignore-versions", false, "ignore the graphs' versions")
	cmd.Flags().BoolVar(&o.IgnoreShapes, "ignore-shapes", false, "ignore the _output_shapes that meta graphs have")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

func diffColor(d graphdiff.Difference) ui.Style {
	switch d.String()[0] {
	case '-':
		return ui.Red
	case '+':
		return ui.Green
	}
	return ui.Amber
}

func (c *command) graphDraw() *cobra.Command {
	var (
		o        draw.Options
		dot, svg bool
		force    bool
	)
	cmd := &cobra.Command{
		Use:   "draw IN [OUT]",
		Short: "Draw a graph as SVG or for Graphviz",
		Long: `Draw a graph as SVG, which every browser shows, or in Graphviz's dot language. The
name of OUT (.svg, .dot or .gv) or a flag selects the form; without OUT the drawing
is printed. In a graph of more than --max-boxes nodes, name scopes are drawn as one
box each; --scope shows the inside of one of them.`,
		Example: `  tfkeep graph draw model.meta graph.svg
  tfkeep graph draw model.meta --scope hidden --dot | dot -Tpng >hidden.png`,
		Args: needs(1, 2, "IN [OUT]"),
		RunE: func(_ *cobra.Command, args []string) error {
			asDot := dot
			if len(args) > 1 && !dot && !svg {
				ext := strings.ToLower(filepath.Ext(args[1]))
				if asDot = ext == ".dot" || ext == ".gv"; !asDot && ext != ".svg" {
					return cli.Usagef("%s: unknown format; use .svg or .dot in the name, or the flag --svg or --dot", args[1])
				}
			}
			g, err := graphIn(args[0])
			if err != nil {
				return err
			}
			picture := draw.SVG
			if asDot {
				picture = draw.Dot
			}
			if len(args) == 1 {
				_, err := c.Out.Write(picture(g, &o))
				return err
			}
			if err := mayWrite(args[1], force); err != nil {
				return err
			}
			return vfs.WriteFileAtomic(vfs.OS, args[1], picture(g, &o), true)
		},
	}
	cmd.Flags().BoolVar(&dot, "dot", false, "draw in Graphviz's dot language")
	cmd.Flags().BoolVar(&svg, "svg", false, "draw as SVG (the default)")
	cmd.MarkFlagsMutuallyExclusive("dot", "svg")
	cmd.Flags().StringVar(&o.Scope, "scope", "", "draw the inside of this name `SCOPE`")
	cmd.Flags().IntVar(&o.MaxBoxes, "max-boxes", 60, "draw at most `N` boxes, by drawing whole scopes as one box")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace OUT if it exists")
	return cmd
}
