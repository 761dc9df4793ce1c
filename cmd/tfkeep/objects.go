package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/ui"
)

func (c *command) objects() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "objects CKPT",
		Short: "Show the object graph of a TF2 checkpoint",
		Long: `Show the Python objects that a checkpoint of TensorFlow 2 was saved from, as a
tree, with the type and shape of the values that belong to each. An object that
is reached a second time is shown by its number only. Slots are the variables
that an optimizer keeps for others.`,
		Example: `  tfkeep objects train/ckpt-10
  tfkeep objects export/1
  tfkeep objects --json train/ | jq -r '.values[].key'`,
		Args: needs(1, 1, "CKPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := checkpoint.Open(args[0], nil)
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line: id, path, children, values, slots")
	return cmd
}

func readObjects(ctx context.Context, r *checkpoint.Reader) (*objectgraph.Graph, error) {
	values, err := r.ReadStrings(ctx, objectgraph.Key)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return nil, fmt.Errorf("%s has no object graph: it was saved by name (Saver), not by object (tf.train.Checkpoint); \"tfkeep ls\" shows it", r.Prefix())
	}
	if err != nil {
		return nil, err
	}
	if len(values) != 1 {
		return nil, fmt.Errorf("%s: the object graph is %d strings, not one: %w", r.Prefix(), len(values), checkpoint.ErrCorrupt)
	}
	return objectgraph.Decode(values[0])
}

func (c *command) objectsTree(r *checkpoint.Reader, g *objectgraph.Graph) error {
	table := c.NewTable("OBJECT", "VALUE", "DTYPE", "SHAPE")
	// open[i]: the branch at depth i+1 goes on below.
	var open []bool
	err := g.Walk(func(s objectgraph.Step) error {
		label := "(root)"
		if s.Depth > 0 {
			open = append(open[:s.Depth-1], !s.Last)
			label = branch(open) + ui.Name(s.Path[s.Depth-1])
		}
		o := g.Objects[s.Object]
		switch {
		case s.Again:
			table.Row(label + fmt.Sprintf(" → #%d", s.Object))
			return nil
		case o.Saver != "":
			label += " (" + ui.Name(o.Saver) + ")"
		}
		label += fmt.Sprintf(" #%d", s.Object)
		for i, v := range o.Values {
			if i > 0 {
				label = ""
			}
			row := []any{label, ui.Name(v.Name), "", ""}
			if t, ok := r.Lookup(v.Key); ok {
				row[2], row[3] = ui.Styled{Style: ui.Cyan, Text: checkpoint.DataTypeName(t.DType)}, shapeText(t.Shape)
			} else {
				row[2] = ui.Styled{Style: ui.Red, Text: "missing"}
			}
			table.Row(row...)
		}
		if len(o.Values) == 0 {
			table.Row(label)
		}
		for _, slot := range o.Slots {
			table.Row(ui.Styled{Style: ui.Dim, Text: fmt.Sprintf("%s  slot %s of #%d: #%d", indent(open[:s.Depth]), ui.Name(slot.Name), slot.Variable, slot.Object)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return table.Print()
}

// branch draws the lines in front of a name.
func branch(open []bool) string {
	last := len(open) - 1
	if open[last] {
		return indent(open[:last]) + "├─ "
	}
	return indent(open[:last]) + "└─ "
}

// maxIndent keeps a hostile chain of objects from growing the output as the
// square of its length.
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
	Path     []string    `json:"path"`
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
	err := g.Walk(func(s objectgraph.Step) error {
		if s.Again {
			return nil
		}
		o := g.Objects[s.Object]
		line := objectJSON{ID: s.Object, Path: append([]string{}, s.Path...), Saver: o.Saver}
		for _, x := range o.Children {
			line.Children = append(line.Children, childJSON{x.Name, x.Object})
		}
		slices.SortFunc(line.Children, func(a, b childJSON) int { return strings.Compare(a.Name, b.Name) })
		for _, x := range o.Values {
			line.Values = append(line.Values, valueJSON{x.Name, x.Full, x.Key})
		}
		for _, x := range o.Slots {
			line.Slots = append(line.Slots, slotJSON{x.Name, x.Variable, x.Object})
		}
		return out.write(line)
	})
	if err != nil {
		return err
	}
	return out.flush()
}
