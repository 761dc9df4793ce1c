package ndtext

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// Options refines the printing; nil is NumPy's defaults.
type Options struct {
	// Full prints every element.
	Full bool
	// Width is the length at which lines wrap; 0 is 75.
	Width int
}

const (
	defaultWidth = 75
	threshold    = 1000 // elements above which the middle is left out
	edge         = 3    // items shown at each end of a dimension then
)

// Fprint prints the array with the given type, shape and little-endian data
// (strings for dtype.String), without a newline at the end.
func Fprint(w io.Writer, dt dtype.DataType, shape []int64, data []byte, values [][]byte, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	n, ok := checkpoint.NumElements(shape)
	size := int64(dtype.Size(dt))
	if !ok || dt == dtype.String && int64(len(values)) != n || dt != dtype.String && int64(len(data)) != n*size {
		return fmt.Errorf("ndtext: shape %v of %s does not fit the data: %w", shape, dtype.Name(dt), tfkeep.ErrMismatch)
	}
	p := &printer{w: bufio.NewWriter(w), shape: shape, width: o.Width}
	if p.width <= 0 {
		p.width = defaultWidth
	}
	p.summary = !o.Full && n > threshold
	if n == 0 {
		_, err := io.WriteString(w, "[]")
		return err
	}
	p.strides = make([]int64, len(shape))
	stride := int64(1)
	for i := len(shape) - 1; i >= 0; i-- {
		p.strides[i] = stride
		stride *= shape[i]
	}
	format, err := newFormat(dt, data, values, len(shape) == 0, p.eachShown)
	if err != nil {
		return err
	}
	p.format = format
	p.array(0, 0, p.width)
	return p.w.Flush()
}

// printer lays words out in brackets and lines.
type printer struct {
	w       *bufio.Writer
	shape   []int64
	strides []int64
	width   int
	summary bool
	format  func(index int64) string
}

// ends gives the indices of a dimension that are shown: [0,head) and [tail,d).
func (p *printer) ends(dim int) (head, tail int64) {
	if d := p.shape[dim]; p.summary && d > 2*edge {
		return edge, d - edge
	}
	return 0, 0
}

// eachShown calls visit with the flat index of every element that is printed.
func (p *printer) eachShown(visit func(index int64)) {
	var walk func(dim int, base int64)
	walk = func(dim int, base int64) {
		if dim == len(p.shape) {
			visit(base)
			return
		}
		head, tail := p.ends(dim)
		for i := range p.shape[dim] {
			if i < head || i >= tail {
				walk(dim+1, base+i*p.strides[dim])
			}
		}
	}
	walk(0, 0)
}

// array prints the part of the array that begins at base, whose first
// remaining dimension is dim; width is what a line may take, brackets that
// close later already taken off.
func (p *printer) array(dim int, base int64, width int) {
	if dim == len(p.shape) {
		p.w.WriteString(p.format(base))
		return
	}
	p.w.WriteByte('[')
	if dim == len(p.shape)-1 {
		p.row(dim, base, width)
	} else {
		p.rows(dim, base, width)
	}
	p.w.WriteByte(']')
}

func (p *printer) rows(dim int, base int64, width int) {
	between := strings.Repeat("\n", len(p.shape)-1-dim) + strings.Repeat(" ", dim+1)
	head, tail := p.ends(dim)
	for i := int64(0); i < p.shape[dim]; i++ {
		if i > 0 {
			p.w.WriteString(between)
		}
		if i == head && i < tail {
			p.w.WriteString("...")
			i = tail - 1
			continue
		}
		p.array(dim+1, base+i*p.strides[dim], width-1)
	}
}

// row prints one line of words, wrapped where needed.
func (p *printer) row(dim int, base int64, width int) {
	indent := dim + 1
	limit := width - 1 // room for the bracket or the separator
	line := indent
	var spaces string // after the last word; dropped where a line ends
	word := func(s string) {
		n := utf8.RuneCountInString(s)
		if line+n > limit && line > indent {
			p.w.WriteByte('\n')
			p.w.WriteString(strings.Repeat(" ", indent))
			line = indent
		} else if line > indent {
			p.w.WriteString(spaces)
			p.w.WriteByte(' ')
		}
		bare := strings.TrimRight(s, " ")
		p.w.WriteString(bare)
		spaces = s[len(bare):]
		line += n + 1
	}
	head, tail := p.ends(dim)
	for i := int64(0); i < p.shape[dim]; i++ {
		if i == head && i < tail {
			word("...")
			i = tail - 1
			continue
		}
		word(p.format(base + i*p.strides[dim]))
	}
	p.w.WriteString(spaces)
}
