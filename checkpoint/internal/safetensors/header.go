package safetensors

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep/checkpoint"
)

// metadataKey is the one name in the header that is not a tensor's.
const metadataKey = "__metadata__"

// parseHeader reads the JSON header token by token. json.Unmarshal would accept a
// repeated name, so that two programs could read different weights from one file.
func parseHeader(header []byte) ([]checkpoint.TensorInfo, map[string]string, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, corrupt("", "the header does not begin with '{'")
	}
	if !utf8.Valid(header) {
		return nil, nil, corrupt("", "the header is not UTF-8")
	}
	p := &headerParser{dec: json.NewDecoder(bytes.NewReader(header))}
	p.dec.UseNumber()
	var (
		tensors  []checkpoint.TensorInfo
		metadata map[string]string
	)
	seen := map[string]bool{}
	p.object(func(name string) {
		if seen[name] {
			p.fail("the name %q occurs twice", name)
			return
		}
		seen[name] = true
		if name == metadataKey {
			metadata = p.metadata()
			return
		}
		tensors = append(tensors, p.tensor(name))
	})
	if p.err == nil {
		if _, err := p.dec.Token(); err != io.EOF {
			p.fail("bytes follow the JSON object")
		}
	}
	if p.err != nil {
		return nil, nil, p.err
	}
	return tensors, metadata, nil
}

// headerParser is a cursor over JSON tokens with a sticky error.
type headerParser struct {
	dec *json.Decoder
	err error
}

func (p *headerParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = corrupt("", "header: "+format, args...)
	}
}

func (p *headerParser) token() json.Token {
	if p.err != nil {
		return nil
	}
	t, err := p.dec.Token()
	if err != nil {
		p.fail("%v", err)
		return nil
	}
	return t
}

func (p *headerParser) delim(want json.Delim) {
	if t := p.token(); p.err == nil && t != want {
		p.fail("offset %d: %v instead of %q", p.dec.InputOffset(), t, want.String())
	}
}

func (p *headerParser) string() string {
	t := p.token()
	s, ok := t.(string)
	if p.err == nil && !ok {
		p.fail("offset %d: %v instead of a string", p.dec.InputOffset(), t)
	}
	return s
}

func (p *headerParser) size() int64 {
	t := p.token()
	if p.err != nil {
		return 0
	}
	n, ok := t.(json.Number)
	if !ok {
		p.fail("offset %d: %v instead of a number", p.dec.InputOffset(), t)
		return 0
	}
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v < 0 {
		p.fail("offset %d: %s is not a size", p.dec.InputOffset(), n)
	}
	return v
}

// object calls field with each key; field must consume the value.
func (p *headerParser) object(field func(key string)) {
	p.delim('{')
	for p.err == nil && p.dec.More() {
		if key := p.string(); p.err == nil {
			field(key)
		}
	}
	p.delim('}')
}

func (p *headerParser) sizes(limit int) []int64 {
	list := []int64{}
	p.delim('[')
	for p.err == nil && p.dec.More() {
		if len(list) == limit {
			p.fail("offset %d: a list of more than %d numbers", p.dec.InputOffset(), limit)
			return nil
		}
		list = append(list, p.size())
	}
	p.delim(']')
	return list
}

func (p *headerParser) metadata() map[string]string {
	m := map[string]string{}
	p.object(func(key string) {
		if _, twice := m[key]; twice {
			p.fail("%s: %q occurs twice", metadataKey, key)
			return
		}
		m[key] = p.string()
	})
	return m
}

func (p *headerParser) tensor(name string) checkpoint.TensorInfo {
	t := checkpoint.TensorInfo{Name: name}
	var offsets []int64
	seen := map[string]bool{}
	p.object(func(key string) {
		if seen[key] {
			p.fail("tensor %q: %q occurs twice", name, key)
			return
		}
		seen[key] = true
		switch key {
		case "dtype":
			text := p.string()
			if p.err != nil {
				return
			}
			t.DType, p.err = parseType(text)
		case "shape":
			t.Shape = p.sizes(maxRank)
		case "data_offsets":
			offsets = p.sizes(2)
		default:
			p.fail("tensor %q: unknown field %q", name, key)
		}
	})
	switch {
	case p.err != nil:
	case !seen["dtype"] || !seen["shape"] || !seen["data_offsets"]:
		p.fail("tensor %q needs dtype, shape and data_offsets", name)
	case len(offsets) != 2 || offsets[1] < offsets[0]:
		p.fail("tensor %q: data_offsets %v are not [begin, end]", name, offsets)
	default:
		t.Offset, t.Bytes = offsets[0], offsets[1]-offsets[0]
	}
	return t
}
