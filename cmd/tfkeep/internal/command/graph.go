package command

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

func (c *command) graph() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Extract, clean, optimize, compare, check and draw graphs",
		Long: `Work on graphs. IN is a GraphDef, a .meta file or a SavedModel (its directory or its
.pb), in text or binary. OUT is text if its name ends in .pbtxt, .txt, .textproto or
.prototxt, or with --text, and binary otherwise. OUT appears when it is complete. An
existing OUT is replaced only with --force.`,
		Example: `  tfkeep graph check model.meta
  tfkeep graph extract frozen.pb head.pb logits
  tfkeep graph strip-unused g.pb small.pb --inputs x --outputs y
  tfkeep graph draw train/model-1000.meta graph.svg`,
		RunE: verbsOnly,
	}
	cmd.AddCommand(c.graphExtract(), c.graphStripUnused(), c.graphRemoveTraining(), c.graphClearDevices(),
		c.graphStripDefaults(), c.graphRenameScope(), c.graphOptimize(), c.graphCheck(), c.graphDiff(), c.graphDraw())
	return cmd
}

// output says how a graph verb writes OUT.
type output struct {
	text, force bool
}

func (o *output) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.text, "text", false, "write protobuf text, whatever the name of OUT")
	cmd.Flags().BoolVarP(&o.force, "force", "f", false, "replace OUT if it exists")
}

func isTextName(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pbtxt", ".txt", ".prototxt", ".textproto":
		return true
	}
	return false
}

// writeGraph writes OUT and prints what it is now.
func (c *command) writeGraph(path string, m proto.Message, o *output, was, now int) error {
	if err := mayWrite(path, o.force); err != nil {
		return err
	}
	if err := graphdef.Write(path, m, &graphdef.WriteOptions{Text: o.text || isTextName(path)}); err != nil {
		return err
	}
	c.Printf("%s  %s, %s of %s\n", ui.Name(path), messageName(m), ui.Count(int64(now)), ui.Plural(int64(was), "node"))
	return nil
}

// graphIn reads IN and returns the only graph in it.
func graphIn(path string) (*graphdef.GraphDef, error) {
	m, err := graphdef.Read(path)
	if err != nil {
		return nil, err
	}
	return onlyGraph(path, m)
}

func onlyGraph(path string, m proto.Message) (*graphdef.GraphDef, error) {
	graphs := graphsOf(m)
	if len(graphs) != 1 {
		return nil, fmt.Errorf("%s holds %s, not one: keep one of them first with \"tfkeep savedmodel prune\"", path, ui.Plural(int64(len(graphs)), "meta graph"))
	}
	return graphs[0], nil
}

// messageName returns the name of a message's type: "GraphDef".
func messageName(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

// graphsOf returns the graphs in a message.
func graphsOf(m proto.Message) []*graphdef.GraphDef {
	switch m := m.(type) {
	case *graphdef.GraphDef:
		return []*graphdef.GraphDef{m}
	case *graphdef.MetaGraphDef:
		return []*graphdef.GraphDef{m.GetGraphDef()}
	case *graphdef.SavedModel:
		var graphs []*graphdef.GraphDef
		for _, mg := range m.GetMetaGraphs() {
			graphs = append(graphs, mg.GetGraphDef())
		}
		return graphs
	}
	return nil
}

// cut makes a verb that writes a part of one graph as a GraphDef.
func (c *command) cut(cmd *cobra.Command, change func(g *graphdef.GraphDef, args []string) (*graphdef.GraphDef, error)) *cobra.Command {
	var o output
	o.flags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		g, err := graphIn(args[0])
		if err != nil {
			return err
		}
		small, err := change(g, args[2:])
		if err != nil {
			return err
		}
		return c.writeGraph(args[1], small, &o, len(g.GetNode()), len(small.GetNode()))
	}
	return cmd
}

// edit makes a verb that changes every graph of a file. The file stays of the same
// kind.
func (c *command) edit(cmd *cobra.Command, change func(m proto.Message, args []string) error) *cobra.Command {
	var o output
	o.flags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		m, err := graphdef.Read(args[0])
		if err != nil {
			return err
		}
		nodes := 0
		for _, g := range graphsOf(m) {
			nodes += len(g.GetNode())
		}
		if err := change(m, args[2:]); err != nil {
			return err
		}
		return c.writeGraph(args[1], m, &o, nodes, nodes)
	}
	return cmd
}

func (c *command) graphExtract() *cobra.Command {
	return c.cut(&cobra.Command{
		Use:   "extract IN OUT NODE…",
		Short: "Keep only what some nodes need",
		Long: `Write the part of a graph that the named nodes need, as a GraphDef: these nodes, their
inputs, and so on. It is TensorFlow's extract_sub_graph.`,
		Example: `  tfkeep graph extract frozen.pb head.pb logits`,
		Args:    needs(3, -1, "IN OUT NODE…"),
	}, edit.Extract)
}

func (c *command) graphStripUnused() *cobra.Command {
	var inputs, outputs, types []string
	cmd := c.cut(&cobra.Command{
		Use:   "strip-unused IN OUT --inputs A,B --outputs Y",
		Short: "Keep only what lies between inputs and outputs",
		Long: `Write the part of a graph between inputs, which become placeholders, and outputs, as
a GraphDef. It is TensorFlow's strip_unused.`,
		Example: `  tfkeep graph strip-unused g.pb small.pb --inputs x --outputs y
  tfkeep graph strip-unused g.pb small.pb --inputs a,b --types float32,int64 --outputs y`,
		Args: needs(2, 2, "IN OUT"),
	}, func(g *graphdef.GraphDef, _ []string) (*graphdef.GraphDef, error) {
		if len(outputs) == 0 {
			return nil, cli.Usagef("--outputs names no node")
		}
		var dtypes []dtype.DataType
		for _, name := range types {
			dt, ok := dtype.Parse(name)
			if !ok {
				return nil, cli.Usagef("--types: %q is not a type such as float32", name)
			}
			dtypes = append(dtypes, dt)
		}
		return edit.StripUnused(g, inputs, outputs, &edit.StripOptions{Types: dtypes})
	})
	cmd.Flags().StringSliceVar(&inputs, "inputs", nil, "the `NODES` that become placeholders, separated by commas")
	cmd.Flags().StringSliceVar(&outputs, "outputs", nil, "the `NODES` that are kept with everything that they need")
	cmd.Flags().StringSliceVar(&types, "types", nil, "the `TYPES` of the placeholders: one for all, or one for each; default: the types of the nodes")
	return cmd
}

func (c *command) graphRemoveTraining() *cobra.Command {
	var keep []string
	cmd := c.cut(&cobra.Command{
		Use:   "remove-training-nodes IN OUT",
		Short: "Remove nodes that only training needs",
		Long: `Remove the nodes that only training needs, and write a GraphDef: every CheckNumerics,
and each Identity and StopGradient that does not affect the order of other nodes. It
is TensorFlow's remove_training_nodes.`,
		Example: `  tfkeep graph remove-training-nodes g.pb lean.pb --keep y`,
		Args:    needs(2, 2, "IN OUT"),
	}, func(g *graphdef.GraphDef, _ []string) (*graphdef.GraphDef, error) {
		return edit.RemoveTraining(g, keep), nil
	})
	cmd.Flags().StringSliceVar(&keep, "keep", nil, "the `NODES` to keep in any case, such as the outputs")
	return cmd
}

func (c *command) graphClearDevices() *cobra.Command {
	return c.edit(&cobra.Command{
		Use:   "clear-devices IN OUT",
		Short: "Remove the devices, so that the graph runs on another machine",
		Long: `Remove the devices from the nodes of every graph in a file. The file stays a GraphDef,
a meta graph or a SavedModel. Functions keep their devices, as in TensorFlow.`,
		Example: `  tfkeep graph clear-devices model.meta anywhere.meta`,
		Args:    needs(2, 2, "IN OUT"),
	}, func(m proto.Message, _ []string) error {
		for _, g := range graphsOf(m) {
			edit.ClearDevices(g)
		}
		return nil
	})
}

func (c *command) graphStripDefaults() *cobra.Command {
	return c.edit(&cobra.Command{
		Use:   "strip-defaults IN OUT",
		Short: "Remove default attributes, so that an older TensorFlow can read the graph",
		Long: `Remove the attributes that have their op's default value from every graph in a file,
so that a TensorFlow that does not know them can read it.`,
		Example: `  tfkeep graph strip-defaults model.meta for-older-tensorflow.meta`,
		Args:    needs(2, 2, "IN OUT"),
	}, func(m proto.Message, _ []string) error {
		switch m := m.(type) {
		case *graphdef.GraphDef:
			opdef.StripDefaults(m, nil)
		case *graphdef.MetaGraphDef:
			opdef.StripMetaGraphDefaults(m, nil)
		case *graphdef.SavedModel:
			for _, mg := range m.GetMetaGraphs() {
				opdef.StripMetaGraphDefaults(mg, nil)
			}
		}
		return nil
	})
}

func (c *command) graphRenameScope() *cobra.Command {
	return c.edit(&cobra.Command{
		Use:   "rename-scope IN OUT FROM TO",
		Short: "Move the nodes of one name scope to another",
		Long: `Move the nodes of a GraphDef from one name scope to another. An empty FROM is the
whole graph, and an empty TO is no scope.`,
		Example: `  tfkeep graph rename-scope g.pb h.pb tower_0 model
  tfkeep graph rename-scope g.pb h.pb "" model`,
		Args: needs(4, 4, "IN OUT FROM TO"),
	}, func(m proto.Message, args []string) error {
		g, ok := m.(*graphdef.GraphDef)
		if !ok {
			return fmt.Errorf("a %s names its nodes in collections and savers too: rename the scope of a GraphDef, or import the meta graph under a scope", messageName(m))
		}
		return edit.RenameScope(g, args[0], args[1])
	})
}
