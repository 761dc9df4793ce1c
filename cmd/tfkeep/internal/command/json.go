package command

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"strconv"
)

// lines writes JSON, one object per line.
type lines struct {
	w   *bufio.Writer
	enc *json.Encoder
}

func newLines(w io.Writer) *lines {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return &lines{b, enc}
}

func (l *lines) write(v any) error { return l.enc.Encode(v) }

func (l *lines) flush() error { return l.w.Flush() }

// number is a float that is written as JSON. Numbers that are not finite, which JSON does
// not have, become the strings "NaN", "Infinity" and "-Infinity", as in protobuf's JSON.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	switch v := float64(n); {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	}
}
