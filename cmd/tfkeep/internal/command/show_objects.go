package command

import (
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/graphdef/summary"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// shownObjects is the number of objects that are printed without --all.
const shownObjects = 40

// showObjects prints the tree of a model's Python objects. Without all it leaves out objects
// without variables and functions, and what is shown in the list of signatures.
func (c *command) showObjects(m *summary.MetaGraph, all bool) error {
	if len(m.Objects) == 0 {
		return nil
	}
	visible := outline(m.Objects)
	counts := map[string]int64{}
	for _, o := range visible {
		counts[o.Kind]++
	}
	c.field("objects", fmt.Sprintf("%s, %s, %s", ui.Plural(int64(len(m.Objects)), "object"), ui.Plural(counts["variable"], "variable"), ui.Plural(counts["function"], "function")))
	if all {
		visible = m.Objects
	}
	limit := shownObjects
	if all {
		limit = len(visible)
	}
	last := map[int]int{} // object → its last visible child
	for _, o := range visible {
		last[o.Parent] = o.ID
	}
	names := map[int]string{}
	for _, o := range m.Objects {
		names[o.ID] = o.Name
	}
	table := c.NewTable("OBJECT", "")
	var open []bool
	for _, o := range visible[:min(limit, len(visible))] {
		label := "(root)"
		if o.Depth > 0 {
			open = append(open[:o.Depth-1], last[o.Parent] != o.ID)
			label = branch(open) + ui.Name(o.Name)
		}
		if o.SlotOf > 0 {
			label += fmt.Sprintf(" of %s #%d", ui.Name(names[o.SlotOf]), o.SlotOf)
		}
		table.Row(fmt.Sprintf("%s #%d", label, o.ID), ui.Name(aboutObject(m, &o)))
	}
	if err := table.Print(); err != nil {
		return err
	}
	c.more(len(visible), limit)
	return nil
}

// outline returns the objects that have variables or functions.
func outline(objects []summary.Object) []summary.Object {
	hidden := map[int]bool{} // objects whose children are not shown
	var visible []summary.Object
	for _, o := range objects {
		if hidden[o.Parent] || o.Class == "signature_map" || o.Depth > 0 && o.Holds == 0 {
			hidden[o.ID] = true
			continue
		}
		hidden[o.ID] = o.Kind == "function"
		visible = append(visible, o)
	}
	return visible
}

// aboutObject returns what there is to say about an object in one line.
func aboutObject(m *summary.MetaGraph, o *summary.Object) string {
	switch {
	case o.Variable != nil:
		text := typeText(o.Variable.DType) + " " + nodedef.ShapeText(o.Variable.Shape)
		if o.Variable.Trainable {
			text += ", trainable"
		}
		if o.Variable.Name != "" {
			text += ", " + o.Variable.Name
		}
		return text
	case len(o.Functions) > 0:
		t := m.Traces[o.Functions[0]]
		text := "(" + strings.Join(t.Inputs[:min(len(t.Inputs), shown)], ", ") + ") → " + t.Output
		if n := len(o.Functions) - 1; n > 0 {
			text += fmt.Sprintf(", and %d more", n)
		}
		return text
	case o.Kind != "object":
		return o.Kind
	}
	return o.Class
}
