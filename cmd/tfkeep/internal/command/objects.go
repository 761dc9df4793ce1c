package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
)

func (c *command) objects() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "objects CKPT",
		Short: "Show the object graph of a TF2 checkpoint",
		Long: `Show the Python objects that a TensorFlow 2 checkpoint was saved from as a tree, with
the type and shape of their values. An object that appears a second time is shown by
its number only. A line with a dot is a slot: a variable that an optimizer keeps for
another variable.`,
		Example: `  tfkeep objects train/ckpt-10
  tfkeep objects export/1
  tfkeep objects --json train/ | jq -r '.values[].key'`,
		Args: needs(1, 1, "CKPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := dir.Open(cmd.Context(), args[0], nil)
			if err != nil {
				return err
			}
			defer r.Close()
			g, err := readObjects(cmd.Context(), r)
			if err != nil {
				return err
			}
			if asJSON {
				return c.objectsJSON(g)
			}
			return c.objectsTree(r, g)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line: id, path, children, values, slots")
	return cmd
}

func readObjects(ctx context.Context, r *checkpoint.Reader) (*objectgraph.Graph, error) {
	g, err := objectgraph.Read(ctx, r)
	if errors.Is(err, tfkeep.ErrNotFound) {
		return nil, fmt.Errorf("%s has no object graph: it was saved by name (Saver), not by object (tf.train.Checkpoint); \"tfkeep ls\" shows it", r.Prefix())
	}
	return g, err
}

func (c *command) objectsTree(r *checkpoint.Reader, g *objectgraph.Graph) error {
	table := c.NewTable("OBJECT", "VALUE", "DTYPE", "SHAPE")
	paths := g.Paths()
	// open[i] is true if the branch at depth i+1 continues below.
	var open []bool
	for s := range g.Walk() {
		label := "(root)"
		if s.Depth > 0 {
			open = append(open[:s.Depth-1], !s.Last)
			label = branch(open) + ui.Name(s.Path[s.Depth-1])
		}
		if s.Again {
			table.Row(label + fmt.Sprintf(" → #%d", s.Object))
			continue
		}
		o := g.Objects[s.Object]
		if o.Saver != "" {
			label += " (" + ui.Name(o.Saver) + ")"
		}
		valueRows(table, r, fmt.Sprintf("%s #%d", label, s.Object), o)
		for _, slot := range o.Slots {
			label := fmt.Sprintf("%s  · %s of %s #%d", indent(open[:s.Depth]), ui.Name(slot.Name),
				ui.Name(strings.Join(shortPath(paths, slot.Variable), "/")), slot.Object)
			valueRows(table, r, label, g.Objects[slot.Object])
		}
	}
	return table.Print()
}

// valueRows adds a row for an object, and one more for each value after the first.
func valueRows(table *ui.Table, r *checkpoint.Reader, label string, o objectgraph.Object) {
	if len(o.Values) == 0 {
		table.Row(label)
	}
	for _, v := range o.Values {
		row := []any{label, ui.Name(v.Name), ui.Styled{Style: ui.Red, Text: "missing"}}
		if t, ok := r.Lookup(v.Key); ok {
			row = append(row[:2], ui.Styled{Style: ui.Cyan, Text: dtype.Name(t.DType)}, shapeText(t.Shape))
		}
		table.Row(row...)
		label = ""
	}
}

// shortPath returns an object's path, or only its end if it is very long: the output for a
// hostile chain of objects must not grow with the square of its length.
func shortPath(paths *objectgraph.Paths, object int) []string {
	const most = 256
	path, _ := paths.Of(object)
	if len(path) > most {
		path = append([]string{"…"}, path[len(path)-most:]...)
	}
	return path
}

// branch draws the lines before a name.
func branch(open []bool) string {
	last := len(open) - 1
	if open[last] {
		return indent(open[:last]) + "├─ "
	}
	return indent(open[:last]) + "└─ "
}

// maxIndent limits the output for a hostile chain of objects, which would otherwise grow
// with the square of its length.
const maxIndent = 64

func indent(open []bool) string {
	var b strings.Builder
	if len(open) > maxIndent {
		fmt.Fprintf(&b, "%d… ", len(open))
		open = open[len(open)-maxIndent:]
	}
	for _, o := range open {
		if o {
			b.WriteString("│  ")
		} else {
			b.WriteString("   ")
		}
	}
	return b.String()
}

type objectJSON struct {
	ID       int         `json:"id"`
	Path     []string    `json:"path"` // null: not reached from the root
	Children []childJSON `json:"children,omitempty"`
	Values   []valueJSON `json:"values,omitempty"`
	Slots    []slotJSON  `json:"slots,omitempty"`
	Saver    string      `json:"saver,omitempty"`
}

type childJSON struct {
	Name string `json:"name"`
	ID   int    `json:"id"`
}

type valueJSON struct {
	Name     string `json:"name"`
	FullName string `json:"full_name,omitempty"`
	Key      string `json:"key"`
}

type slotJSON struct {
	Name     string `json:"name"`
	Variable int    `json:"variable"`
	ID       int    `json:"id"`
}

func (c *command) objectsJSON(g *objectgraph.Graph) error {
	out := newLines(c.Out)
	paths := g.Paths()
	for id, o := range g.Objects {
		line := objectJSON{ID: id, Path: shortPath(paths, id), Saver: o.Saver}
		for _, x := range o.Children {
			line.Children = append(line.Children, childJSON{x.Name, x.Object})
		}
		for _, x := range o.Values {
			line.Values = append(line.Values, valueJSON{x.Name, x.Full, x.Key})
		}
		for _, x := range o.Slots {
			line.Slots = append(line.Slots, slotJSON{x.Name, x.Variable, x.Object})
		}
		if err := out.write(line); err != nil {
			return err
		}
	}
	return out.flush()
}
