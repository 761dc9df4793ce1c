package draw

import (
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
)

// Dot returns the graph in Graphviz's dot language. Scopes are folders, control
// dependencies are dashed.
func Dot(g *graphdef.GraphDef, o *Options) []byte {
	p := collapse(g, o)
	var b strings.Builder
	b.WriteString("digraph graph_def {\n  rankdir=BT;\n  node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=10];\n")
	for i, box := range p.boxes {
		shape := ""
		if box.op == "" {
			shape = ", shape=folder"
		}
		fmt.Fprintf(&b, "  n%d [label=%s, tooltip=%s%s];\n", i, dotQuote(box.label+"\n"+box.subtitle()), dotQuote(box.name), shape)
	}
	for _, e := range p.edges {
		var attrs []string
		if e.control {
			attrs = append(attrs, "style=dashed")
		}
		if e.count > 1 {
			attrs = append(attrs, fmt.Sprintf("label=\"%d\"", e.count))
		}
		list := ""
		if len(attrs) > 0 {
			list = " [" + strings.Join(attrs, ", ") + "]"
		}
		fmt.Fprintf(&b, "  n%d -> n%d%s;\n", e.from, e.to, list)
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

// dotQuote quotes a string for dot, in which only quotes and backslashes are special.
func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", "").Replace(s) + `"`
}
