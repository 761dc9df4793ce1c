package draw_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/draw"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const small = `
	node { name: "x" op: "Placeholder" attr { key: "_output_shapes" value { list { shape { dim { size: -1 } dim { size: 64 } } } } } }
	node { name: "h/w" op: "VarHandleOp" device: "/cpu:0" }
	node { name: "h/mul" op: "MatMul" input: "x" input: "h/w" input: "^init" }
	node { name: "init" op: "NoOp" }`

func TestDotOfASmallGraph(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `digraph graph_def {
  rankdir=BT;
  node [shape=box, style=rounded, fontname="Helvetica", fontsize=10];
  n0 [label="x\nPlaceholder", tooltip="x"];
  n1 [label="w\nVarHandleOp", tooltip="h/w"];
  n2 [label="mul\nMatMul", tooltip="h/mul"];
  n3 [label="init\nNoOp", tooltip="init"];
  n0 -> n2;
  n1 -> n2;
  n3 -> n2 [style=dashed];
}
`, string(draw.Dot(tftest.ParseGraph(t, small), nil)))
}

func TestLargeGraphIsDrawnByScopes(t *testing.T) {
	t.Parallel()
	dot := string(draw.Dot(tftest.ParseGraph(t, small), &draw.Options{MaxBoxes: 3}))
	assert.Contains(t, dot, `[label="h\n2 nodes", tooltip="h", shape=folder]`)
	assert.NotContains(t, dot, "MatMul")

	var g graphdef.GraphDef
	for i := range 3_000 {
		g.Node = append(g.Node, &graphdef.NodeDef{Name: fmt.Sprintf("layer%d/part%d/op%d", i%10, i%100, i), Op: "Neg"})
	}
	assert.Equal(t, 10, strings.Count(string(draw.Dot(&g, nil)), "folder"), "the outermost scopes")
	assert.Equal(t, 100, strings.Count(string(draw.Dot(&g, &draw.Options{MaxBoxes: 100})), "folder"))
	inside := string(draw.Dot(&g, &draw.Options{Scope: "layer3"}))
	assert.Contains(t, inside, `tooltip="layer3/part3"`)
	assert.Contains(t, inside, `tooltip="layer4", shape=folder`)
}

func TestSVGIsWellFormedAndHasEveryBox(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, small)
	g.Node = append(g.Node, &graphdef.NodeDef{Name: "<&\"\x01" + strings.Repeat("ü", 100), Op: "Neg", Input: []string{"x", "lost"}})
	for _, c := range []struct {
		name string
		g    *graphdef.GraphDef
	}{
		{"a graph", g},
		{"empty", &graphdef.GraphDef{}},
		{"a loop", tftest.ParseGraph(t, `node { name: "merge" op: "Merge" input: "next" } node { name: "next" op: "NextIteration" input: "merge" }
			node { name: "self" op: "Neg" input: "self" }`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			svg := draw.SVG(c.g, nil)
			boxes := 0
			d := xml.NewDecoder(strings.NewReader(string(svg)))
			for {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				if start, ok := token.(xml.StartElement); ok && start.Name.Local == "g" {
					boxes++
				}
			}
			assert.Equal(t, len(c.g.Node), boxes)
			assert.Equal(t, string(svg), string(draw.SVG(c.g, nil)), "and is always the same")
		})
	}
	svg := string(draw.SVG(tftest.ParseGraph(t, small), nil))
	assert.Contains(t, svg, "<title>x = Placeholder [?, 64]</title>")
	assert.Contains(t, svg, "<title>h/w = VarHandleOp on /cpu:0</title>")
	assert.Contains(t, svg, "stroke-dasharray")
}
