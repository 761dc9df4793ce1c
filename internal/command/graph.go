package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/cli"
	"github.com/tfkeep/tfkeep/internal/command/ui"
)

func (c *command) graph() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Cut, clean, compare, check and draw graphs",
		Long: `Work on graphs. IN is a GraphDef, a .meta file or a SavedModel (its directory or
its .pb), in text or binary, whichever it is. OUT is text where its name ends in
.pbtxt, .txt or .prototxt, or with --text, and binary else; it appears when it is
complete, and is not replaced without --force.`,
		Example: `  tfkeep graph check model.meta
  tfkeep graph extract frozen.pb head.pb logits
  tfkeep graph strip-unused g.pb small.pb --inputs x --outputs y
  tfkeep graph draw train/model-1000.meta graph.svg`,
		RunE: verbsOnly,
	}
	cmd.AddCommand(c.graphExtract(), c.graphStripUnused(), c.graphRemoveTraining(), c.graphClearDevices(),
		c.graphStripDefaults(), c.graphRenameScope(), c.graphCheck(), c.graphDiff(), c.graphDraw())
	return cmd
}

// output is where a graph verb writes to.
type output struct {
	text, force bool
}

func (o *output) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.text, "text", false, "write protobuf text whatever OUT is called")
	cmd.Flags().BoolVarP(&o.force, "force", "f", false, "replace OUT if it exists")
}

func isTextName(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pbtxt", ".txt", ".prototxt", ".textproto":
		return true
	}
	return false
}

// write writes OUT and says what it is now.
func (c *command) writeGraph(path string, m proto.Message, o *output, was, now int) error {
	if _, err := os.Lstat(path); err == nil && !o.force {
		return fmt.Errorf("%s exists; --force replaces it", path)
	}
	if err := graphdef.Write(path, m, &graphdef.WriteOptions{Text: o.text || isTextName(path)}); err != nil {
		return err
	}
	c.Printf("%s  %s, %s of %s\n", path, messageName(m), ui.Count(int64(now)), ui.Plural(int64(was), "node"))
	return nil
}

// graphIn reads IN and gives the one graph in it.
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
		return nil, fmt.Errorf("%s holds %s, and one is wanted: write it out by its tags first", path, ui.Plural(int64(len(graphs)), "meta graph"))
	}
	return graphs[0], nil
}

// messageName returns the name of a message's type: "GraphDef".
func messageName(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

// graphsOf gives the graphs in a message.
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

// cut makes a verb that turns one graph into a smaller one, written as GraphDef.
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

// edit makes a verb that changes every graph of a file in place; the file stays
// of the kind that it is.
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
		Short: "Keep what some nodes need, and nothing else",
		Args:  needs(3, -1, "IN OUT NODE…"),
	}, edit.Extract)
}

func (c *command) graphStripUnused() *cobra.Command {
	var inputs, outputs, types []string
	cmd := c.cut(&cobra.Command{
		Use:   "strip-unused IN OUT --inputs A,B --outputs Y",
		Short: "Keep what lies between inputs, which become placeholders, and outputs",
		Args:  needs(2, 2, "IN OUT"),
	}, func(g *graphdef.GraphDef, _ []string) (*graphdef.GraphDef, error) {
		if len(outputs) == 0 {
			return nil, cli.Usagef("--outputs names no node")
		}
		var dtypes []graphdef.DataType
		for _, name := range types {
			dt, ok := parseType(name)
			if !ok {
				return nil, cli.Usagef("--types: %q is no type such as float32", name)
			}
			dtypes = append(dtypes, dt)
		}
		return edit.StripUnused(g, inputs, outputs, &edit.StripOptions{Types: dtypes})
	})
	cmd.Flags().StringSliceVar(&inputs, "inputs", nil, "nodes that become placeholders")
	cmd.Flags().StringSliceVar(&outputs, "outputs", nil, "nodes that are kept with all they need")
	cmd.Flags().StringSliceVar(&types, "types", nil, "the placeholders' types, one for all or one for each; default: those of the nodes")
	return cmd
}

func parseType(name string) (graphdef.DataType, bool) {
	for number, constant := range dataTypeNames() {
		dt := graphdef.DataType(number)
		if name == constant || name == dtype.Name(dt) {
			return dt, dt != 0
		}
	}
	return 0, false
}

func (c *command) graphRemoveTraining() *cobra.Command {
	var keep []string
	cmd := c.cut(&cobra.Command{
		Use:   "remove-training-nodes IN OUT",
		Short: "Remove nodes that only training needs: checks, and identities that order nothing",
		Args:  needs(2, 2, "IN OUT"),
	}, func(g *graphdef.GraphDef, _ []string) (*graphdef.GraphDef, error) {
		return edit.RemoveTraining(g, keep), nil
	})
	cmd.Flags().StringSliceVar(&keep, "keep", nil, "nodes to keep whatever they are, such as the outputs")
	return cmd
}

func (c *command) graphClearDevices() *cobra.Command {
	return c.edit(&cobra.Command{
		Use:   "clear-devices IN OUT",
		Short: "Remove the devices, so that the graph runs on another machine",
		Args:  needs(2, 2, "IN OUT"),
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
		Short: "Remove attributes that have their default, so that an older TensorFlow reads the graph",
		Args:  needs(2, 2, "IN OUT"),
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
		Short: "Move the nodes of one name scope to another; \"\" is the whole graph, or no scope",
		Args:  needs(4, 4, "IN OUT FROM TO"),
	}, func(m proto.Message, args []string) error {
		g, ok := m.(*graphdef.GraphDef)
		if !ok {
			return fmt.Errorf("a %s names its nodes in collections and savers too: rename the scope of a GraphDef, or import the meta graph under a scope", messageName(m))
		}
		return edit.RenameScope(g, args[0], args[1])
	})
}
