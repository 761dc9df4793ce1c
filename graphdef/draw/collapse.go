package draw

import (
	"fmt"
	"sort"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
)

// Options says what to draw. Nil and the zero value are the defaults.
type Options struct {
	// Scope draws only the part of the graph below this name scope; what it is
	// connected to outside is drawn by scopes.
	Scope string
	// MaxBoxes is how many boxes a picture may have before scopes are closed;
	// 0 is 60. Where even the outermost scopes are more, all of them are drawn.
	MaxBoxes int
}

// box is a node, or a closed scope, in the picture.
type box struct {
	name  string // full name of the node or scope
	label string
	op    string // op of a node; "" for a scope
	nodes int    // how many nodes are in a scope
	attrs string // what to say of it when pointed at
}

// edge connects two boxes, by their places.
type edge struct {
	from, to int
	control  bool
	count    int // how many connections of the graph it stands for
}

// picture is a graph as it will be drawn.
type picture struct {
	boxes []box
	edges []edge
}

// collapse chooses the boxes: as deep into the scopes as MaxBoxes allows.
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
	// One level more is taken as long as the picture stays small enough.
	chosen := boxNames(g, scope, base+1)
	for depth := base + 2; depth <= deepest; depth++ {
		deeper := boxNames(g, scope, depth)
		if distinct(deeper) > limit {
			break
		}
		chosen = deeper
	}
	return draft(g, chosen)
}

// boxNames gives for each node the box it is drawn as: itself, or its scope of
// the given depth; outside the chosen scope, the outermost.
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

// draft makes the boxes and the connections between them.
func draft(g *graphdef.GraphDef, boxOf []string) *picture {
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
			from, ok := nodeBox[graphdef.NodeName(input)]
			if ok && from != to {
				found[edge{from: from, to: to, control: graphdef.IsControl(input)}]++
			}
		}
	}
	for e, count := range found {
		e.count = count
		p.edges = append(p.edges, e)
	}
	sort.Slice(p.edges, func(i, j int) bool {
		a, b := p.edges[i], p.edges[j]
		if a.from != b.from {
			return a.from < b.from
		}
		if a.to != b.to {
			return a.to < b.to
		}
		return !a.control && b.control
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

func shapeText(shape *graphdef.TensorShapeProto) string {
	if shape.GetUnknownRank() {
		return "of unknown shape"
	}
	var sizes []string
	for _, d := range shape.GetDim() {
		if d.GetSize() < 0 {
			sizes = append(sizes, "?")
		} else {
			sizes = append(sizes, fmt.Sprint(d.GetSize()))
		}
	}
	return "[" + strings.Join(sizes, ", ") + "]"
}

// second is the line below a box's label.
func (b *box) second() string {
	if b.op != "" {
		return b.op
	}
	return fmt.Sprintf("%d nodes", b.nodes)
}
