package ndtext

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
)

// Options are the options of [Fprint]. The zero value, and nil, are NumPy's defaults.
type Options struct {
	// Full prints every element.
	Full bool
	// Width is the length in characters at which lines are wrapped; 0 means 75.
	Width int
}

const (
	defaultWidth = 75
	threshold    = 1000 // the number of elements above which the middle is left out
	edge         = 3    // the items then shown at each end of a dimension
)

// Fprint prints an array with the given type and shape, without a newline at the end. Its
// elements are data, in row-major order and little-endian, or values if they are strings.
func Fprint(w io.Writer, dt dtype.DataType, shape []int64, data []byte, values [][]byte, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	n, ok := dtype.NumElements(shape)
	size := int64(dtype.Size(dt))
	if !ok || dt == dtype.String && int64(len(values)) != n || dt != dtype.String && int64(len(data)) != n*size {
		return &tfkeep.Error{Op: "print", Err: tfkeep.ErrMismatch, Detail: fmt.Sprintf("%s of shape %v does not fit the data", dtype.Name(dt), shape)}
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
	format, err := newFormat(dt, data, values, len(shape) == 0, p.shown)
	if err != nil {
		return err
	}
	p.format = format
	p.array(0, 0, p.width)
	return p.w.Flush()
}

// printer arranges the elements in brackets and lines.
type printer struct {
	w       *bufio.Writer
	shape   []int64
	strides []int64
	width   int
	summary bool
	format  func(index int64) string
}

// ends returns the indices of a dimension that are shown: [0,head) and [tail,d). Both are
// 0 if all are.
func (p *printer) ends(dim int) (head, tail int64) {
	if d := p.shape[dim]; p.summary && d > 2*edge {
		return edge, d - edge
	}
	return 0, 0
}

// shown returns the flat indices of the elements that are printed.
func (p *printer) shown(yield func(index int64) bool) {
	var walk func(dim int, base int64) bool
	walk = func(dim int, base int64) bool {
		if dim == len(p.shape) {
			return yield(base)
		}
		head, tail := p.ends(dim)
		for i := range p.shape[dim] {
			if (i < head || i >= tail) && !walk(dim+1, base+i*p.strides[dim]) {
				return false
			}
		}
		return true
	}
	walk(0, 0)
}

// array prints the part of the array that begins at base and whose first dimension is
// dim. width is the room in a line, without the brackets that are closed later.
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

// row prints the last dimension, wrapped into lines.
func (p *printer) row(dim int, base int64, width int) {
	indent := dim + 1
	limit := width - 1 // room for the bracket or the separator
	line := indent
	var spaces string // after the last word; not printed at the end of a line
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
