package draw

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Options configures a drawing. Nil and the zero value are the defaults.
type Options struct {
	// Scope draws the inside of this name scope. The rest of the graph is drawn as
	// its outermost scopes.
	Scope string
	// MaxBoxes limits the number of boxes, by drawing whole scopes as one box; 0
	// means 60. The outermost scopes are drawn even if there are more of them.
	MaxBoxes int
}

// box is a node, or a scope with all its nodes, in the picture.
type box struct {
	name  string // full name of the node or scope
	label string
	op    string // op of a node; "" for a scope
	nodes int    // how many nodes are in a scope
	attrs string // the text that appears when one points at it
}

// edge connects two boxes, given by their indexes.
type edge struct {
	from, to int
	control  bool
	count    int // the number of connections in the graph that it stands for
}

// picture is a graph as it will be drawn.
type picture struct {
	boxes []box
	edges []edge
}

// collapse makes the picture with boxes as deep in the scopes as MaxBoxes allows.
func collapse(g *graphdef.GraphDef, o *Options) *picture {
	if o == nil {
		o = &Options{}
	}
	limit := o.MaxBoxes
	if limit <= 0 {
		limit = 60
	}
	scope := strings.TrimSuffix(o.Scope, "/")
	deepest := 1
	for _, n := range g.GetNode() {
		deepest = max(deepest, strings.Count(n.GetName(), "/")+1)
	}
	base := 0
	if scope != "" {
		base = strings.Count(scope, "/") + 1
	}
	// Go one level deeper while the picture stays small enough.
	chosen := boxNames(g, scope, base+1)
	for depth := base + 2; depth <= deepest; depth++ {
		deeper := boxNames(g, scope, depth)
		if distinct(deeper) > limit {
			break
		}
		chosen = deeper
	}
	return newPicture(g, chosen)
}

// boxNames returns the name of the box for each node: the node itself or its scope of the
// given depth; outside the chosen scope, the outermost scope.
func boxNames(g *graphdef.GraphDef, scope string, depth int) []string {
	names := make([]string, len(g.GetNode()))
	for i, n := range g.GetNode() {
		d := depth
		if scope != "" && n.GetName() != scope && !strings.HasPrefix(n.GetName(), scope+"/") {
			d = 1
		}
		parts := strings.SplitN(n.GetName(), "/", d+1)
		names[i] = strings.Join(parts[:min(d, len(parts))], "/")
	}
	return names
}

func distinct(names []string) int {
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	return len(seen)
}

// newPicture makes the boxes and the connections between them.
func newPicture(g *graphdef.GraphDef, boxOf []string) *picture {
	p := &picture{}
	place, nodeBox := map[string]int{}, map[string]int{}
	for i, n := range g.GetNode() {
		at, ok := place[boxOf[i]]
		if !ok {
			at = len(p.boxes)
			place[boxOf[i]] = at
			p.boxes = append(p.boxes, box{name: boxOf[i], label: lastPart(boxOf[i])})
		}
		nodeBox[n.GetName()] = at
		b := &p.boxes[at]
		b.nodes++
		if b.nodes == 1 && n.GetName() == boxOf[i] {
			b.op, b.attrs = n.GetOp(), describe(n)
		} else {
			b.op, b.attrs = "", ""
		}
	}
	found := map[edge]int{}
	for _, n := range g.GetNode() {
		to := nodeBox[n.GetName()]
		for _, input := range n.GetInput() {
			from, ok := nodeBox[nodedef.NodeName(input)]
			if ok && from != to {
				found[edge{from: from, to: to, control: nodedef.IsControl(input)}]++
			}
		}
	}
	for e, count := range found {
		e.count = count
		p.edges = append(p.edges, e)
	}
	slices.SortFunc(p.edges, func(a, b edge) int {
		if c := cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)); c != 0 || a.control == b.control {
			return c
		}
		if b.control {
			return -1
		}
		return 1
	})
	return p
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func describe(n *graphdef.NodeDef) string {
	s := n.GetName() + " = " + n.GetOp()
	if n.GetDevice() != "" {
		s += " on " + n.GetDevice()
	}
	if shapes := n.GetAttr()["_output_shapes"].GetList().GetShape(); len(shapes) > 0 {
		s += " " + shapeText(shapes[0])
	}
	return s
}

func shapeText(shape *tensor_shape_go_proto.TensorShapeProto) string {
	if shape.GetUnknownRank() {
		return "of unknown shape"
	}
	dims, _ := nodedef.Dims(shape)
	return nodedef.ShapeText(dims)
}

// subtitle returns the line below a box's label.
func (b *box) subtitle() string {
	if b.op != "" {
		return b.op
	}
	return fmt.Sprintf("%d nodes", b.nodes)
}
