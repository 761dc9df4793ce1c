package draw

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Sizes in the picture, in pixels.
const (
	boxHeight = 40
	charWidth = 6.6 // of the 11 pixel font, about
	boxPad    = 20
	gapX      = 24
	gapY      = 46
	margin    = 24
	maxLabel  = 32 // characters
)

// SVG returns the graph as one self-contained SVG document: inputs at the bottom,
// results at the top, as in TensorBoard, control dependencies dashed. Pointing at a box
// shows its full name.
func SVG(g *graphdef.GraphDef, o *Options) []byte {
	p := collapse(g, o)
	l := arrange(p)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif" font-size="11">`+"\n",
		l.width, l.height, l.width, l.height)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n" +
		`<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#78909c"/></marker></defs>` + "\n")
	for _, e := range p.edges {
		l.edge(&b, e)
	}
	for i := range p.boxes {
		l.box(&b, &p.boxes[i], i)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// layout has the position of each box.
type layout struct {
	x, y, w       []float64 // left edge, top edge, width
	width, height int
}

// arrange puts the boxes into rows: each is one row above the highest of its inputs. In a
// row they are sorted by the mean position of their inputs, so that few lines cross.
func arrange(p *picture) *layout {
	rows := ranks(p)
	n := len(p.boxes)
	l := &layout{x: make([]float64, n), y: make([]float64, n), w: make([]float64, n)}
	inputs := make([][]int, n)
	for _, e := range p.edges {
		inputs[e.to] = append(inputs[e.to], e.from)
	}
	widest := 0.0
	for r, row := range rows {
		mean := map[int]float64{}
		for at, i := range row {
			sum := 0.0
			for _, from := range inputs[i] {
				sum += l.x[from] + l.w[from]/2
			}
			mean[i] = float64(at)
			if len(inputs[i]) > 0 {
				mean[i] = sum / float64(len(inputs[i]))
			}
		}
		slices.SortStableFunc(row, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
		x := 0.0
		for _, i := range row {
			text := max(len([]rune(short(p.boxes[i].label))), len([]rune(short(p.boxes[i].subtitle()))))
			l.w[i] = math.Max(60, float64(text)*charWidth+boxPad)
			l.x[i], l.y[i] = x, float64(len(rows)-1-r)*(boxHeight+gapY)
			x += l.w[i] + gapX
		}
		widest = math.Max(widest, x-gapX)
	}
	for _, row := range rows { // center the rows
		last := row[len(row)-1]
		shift := (widest-(l.x[last]+l.w[last]))/2 + margin
		for _, i := range row {
			l.x[i] += shift
			l.y[i] += margin
		}
	}
	l.width = int(widest) + 2*margin
	l.height = max(len(rows), 1)*(boxHeight+gapY) - gapY + 2*margin
	return l
}

// ranks sorts the boxes into rows. Loops and collapsed scopes make cycles; an edge to a
// box that is still being ranked does not count.
func ranks(p *picture) [][]int {
	inputs := make([][]int, len(p.boxes))
	for _, e := range p.edges {
		inputs[e.to] = append(inputs[e.to], e.from)
	}
	const unseen, open = -1, -2
	rank := make([]int, len(p.boxes))
	for i := range rank {
		rank[i] = unseen
	}
	type step struct{ box, next, rank int }
	for start := range p.boxes {
		if rank[start] != unseen {
			continue
		}
		rank[start] = open
		stack := []step{{box: start}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next < len(inputs[top.box]) {
				from := inputs[top.box][top.next]
				switch rank[from] {
				case unseen:
					rank[from] = open
					stack = append(stack, step{box: from})
					continue // look at this input again when it is ranked
				case open:
				default:
					top.rank = max(top.rank, rank[from]+1)
				}
				top.next++
				continue
			}
			rank[top.box] = top.rank
			stack = stack[:len(stack)-1]
		}
	}
	rows := make([][]int, 0)
	for i, r := range rank {
		for len(rows) <= r {
			rows = append(rows, nil)
		}
		rows[r] = append(rows[r], i)
	}
	return rows
}

func (l *layout) edge(b *strings.Builder, e edge) {
	x1, y1 := l.x[e.from]+l.w[e.from]/2, l.y[e.from]
	x2, y2 := l.x[e.to]+l.w[e.to]/2, l.y[e.to]+boxHeight
	if y2 > y1 { // the edge leads back down
		y1, y2 = l.y[e.from]+boxHeight/2, l.y[e.to]+boxHeight/2
	}
	style := ""
	if e.control {
		style = ` stroke-dasharray="4 3"`
	}
	width := 1 + math.Log2(float64(e.count))/2
	bend := (y1 - y2) / 2
	fmt.Fprintf(b, `<path d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f" fill="none" stroke="#90a4ae" stroke-width="%.1f"%s marker-end="url(#arrow)"/>`+"\n",
		x1, y1, x1, y1-bend, x2, y2+bend, x2, y2, width, style)
}

// color returns the fill color for a box with this op.
func color(op string) string {
	switch {
	case op == "":
		return "#eceff1"
	case strings.HasPrefix(op, "Placeholder"):
		return "#c8e6c9"
	case op == "Const":
		return "#f5f5f5"
	case nodedef.IsVariableOp(op):
		return "#ffe0b2"
	}
	return "#e3f2fd"
}

func (l *layout) box(b *strings.Builder, box *box, i int) {
	title := box.attrs
	if title == "" {
		title = fmt.Sprintf("%s/ (%d nodes)", box.name, box.nodes)
	}
	radius := 16
	if box.op == "" {
		radius = 3
	}
	x, y, w := l.x[i], l.y[i], l.w[i]
	fmt.Fprintf(b, `<g><title>%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="%d" fill="%s" stroke="#78909c"/>`,
		escape(title), x, y, w, boxHeight, radius, color(box.op))
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text><text x="%.1f" y="%.1f" text-anchor="middle" fill="#607d8b">%s</text></g>`+"\n",
		x+w/2, y+17, escape(short(box.label)), x+w/2, y+31, escape(short(box.subtitle())))
}

func short(s string) string {
	if r := []rune(s); len(r) > maxLabel {
		return string(r[:maxLabel-1]) + "…"
	}
	return s
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return ""
	}
	return b.String()
}
