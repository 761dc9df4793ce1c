package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
)

const (
	magic = "\x93NUMPY"
	// maxHeader is the largest size of the header's text. NumPy itself refuses more
	// than 10,000 bytes unless told to trust the file.
	maxHeader = 1 << 16
	// maxRank is the largest number of dimensions that NumPy 2 supports.
	maxRank = 64
)

// formatHeader returns the magic, version and header of an array, padded as NumPy pads
// it: the data begins at a multiple of 64 bytes.
func formatHeader(descr string, shape []int64) []byte {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = strconv.FormatInt(d, 10)
	}
	tuple := strings.Join(dims, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	const prefix = len(magic) + 2 + 2
	text += strings.Repeat(" ", 63-(prefix+len(text))%64) + "\n"
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

// header is a parsed header.
type header struct {
	element
	shape    []int64
	fortran  bool
	elements int64
	bytes    int64 // of the data that follows
}

func readHeader(r io.Reader) (*header, error) {
	var fixed [8]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, corrupt("too short for a .npy header")
	}
	if string(fixed[:6]) != magic {
		return nil, corrupt("does not begin with NumPy's magic bytes")
	}
	var size uint32
	switch fixed[6] {
	case 1:
		var n [2]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return nil, corrupt("too short for a .npy header")
		}
		size = uint32(binary.LittleEndian.Uint16(n[:]))
	case 2, 3:
		var n [4]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return nil, corrupt("too short for a .npy header")
		}
		size = binary.LittleEndian.Uint32(n[:])
	default:
		return nil, unsupported("read", "version %d.%d of the .npy format", fixed[6], fixed[7])
	}
	if size > maxHeader {
		return nil, corrupt("the header claims %d bytes, more than the %d allowed", size, maxHeader)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, corrupt("the header claims %d bytes, the file ends before", size)
	}
	return parseHeader(string(text))
}

// parseHeader reads the Python dict literal of a header:
// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
func parseHeader(text string) (*header, error) {
	h := &header{}
	p := &literal{rest: text}
	var descr string
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.accept("}") {
		key := p.quoted()
		p.expect(":")
		if seen[key] {
			p.fail()
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.err == nil && !p.at("'", `"`) {
				return nil, unsupported("read", "structured dtypes")
			}
			descr = p.quoted()
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail()
		}
		if !p.accept(",") {
			p.expect("}")
			break
		}
	}
	if strings.TrimSpace(p.rest) != "" {
		p.fail()
	}
	if p.err == nil && len(seen) != 3 {
		p.fail()
	}
	if p.err != nil {
		return nil, corrupt("header %.200q cannot be read", text)
	}
	var err error
	if h.element, err = parseDescr(descr); err != nil {
		return nil, err
	}
	n, ok := dtype.NumElements(h.shape)
	if !ok || h.width > 0 && n > math.MaxInt64/int64(h.width) {
		return nil, corrupt("shape %v has more bytes than can be counted", h.shape)
	}
	h.elements, h.bytes = n, n*int64(h.width)
	return h, nil
}

// literal is a cursor over the text of a Python literal with a sticky error.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail() {
	if p.err == nil {
		p.err = tfkeep.ErrCorrupt
	}
}

func (p *literal) at(prefixes ...string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	for _, s := range prefixes {
		if strings.HasPrefix(p.rest, s) {
			return true
		}
	}
	return false
}

func (p *literal) accept(s string) bool {
	if p.err != nil || !p.at(s) {
		return false
	}
	p.rest = p.rest[len(s):]
	return true
}

func (p *literal) expect(s string) {
	if !p.accept(s) {
		p.fail()
	}
}

func (p *literal) quoted() string {
	quote := "'"
	if p.at(`"`) {
		quote = `"`
	}
	p.expect(quote)
	body, rest, found := strings.Cut(p.rest, quote)
	if p.err != nil || !found || strings.Contains(body, `\`) {
		p.fail()
		return ""
	}
	p.rest = rest
	return body
}

func (p *literal) boolean() bool {
	if p.accept("True") {
		return true
	}
	p.expect("False")
	return false
}

func (p *literal) tuple() []int64 {
	shape := []int64{}
	p.expect("(")
	for p.err == nil && !p.accept(")") {
		p.at("") // skip space
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		d, err := strconv.ParseInt(p.rest[:digits], 10, 64)
		if err != nil || len(shape) == maxRank {
			p.fail()
			return nil
		}
		p.rest = strings.TrimPrefix(p.rest[digits:], "L") // Python 2 wrote 3L
		shape = append(shape, d)
		if !p.accept(",") {
			p.expect(")")
			break
		}
	}
	return shape
}
