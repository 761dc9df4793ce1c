package command

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// writeValuesJSON writes one object whose values are nested lists. It writes in pieces, so
// that it needs no second copy of a large tensor. Complex numbers are pairs; strings that
// are not UTF-8 are {"base64": …}.
func writeValuesJSON(out io.Writer, t checkpoint.TensorInfo, shape []int64, data []byte, strings [][]byte) error {
	w := bufio.NewWriter(out)
	head, err := json.Marshal(struct {
		Name  string  `json:"name"`
		DType string  `json:"dtype"`
		Shape []int64 `json:"shape"`
	}{t.Name, dtype.Name(t.DType), append([]int64{}, shape...)})
	if err != nil {
		return err
	}
	w.Write(head[:len(head)-1])
	w.WriteString(`,"values":`)
	size := dtype.Size(t.DType)
	var buf []byte
	var at int64
	var list func(dim int)
	list = func(dim int) {
		if dim == len(shape) {
			if t.DType == dtype.String {
				buf = appendJSONString(buf[:0], strings[at])
			} else {
				buf = appendJSONElement(buf[:0], t.DType, data[at*int64(size):][:size])
			}
			w.Write(buf)
			at++
			return
		}
		w.WriteByte('[')
		for i := range shape[dim] {
			if i > 0 {
				w.WriteByte(',')
			}
			list(dim + 1)
		}
		w.WriteByte(']')
	}
	list(0)
	w.WriteString("}\n")
	return w.Flush()
}

func appendJSONString(b, s []byte) []byte {
	var v any = string(s)
	if !utf8.Valid(s) {
		v = map[string]string{"base64": base64.StdEncoding.EncodeToString(s)}
	}
	text, _ := json.Marshal(v) // cannot fail for a string
	return append(b, text...)
}

func appendJSONElement(b []byte, dt dtype.DataType, e []byte) []byte {
	switch {
	case dt == dtype.Bool:
		return strconv.AppendBool(b, e[0] != 0)
	case dtype.IsComplex(dt):
		half, part := len(e)/2, dtype.Float64
		if dt == dtype.Complex64 {
			part = dtype.Float32
		}
		b = appendJSONElement(append(b, '['), part, e[:half])
		b = appendJSONElement(append(b, ','), part, e[half:])
		return append(b, ']')
	}
	switch dt {
	case dtype.Int64:
		return strconv.AppendInt(b, int64(binary.LittleEndian.Uint64(e)), 10)
	case dtype.Uint64:
		return strconv.AppendUint(b, binary.LittleEndian.Uint64(e), 10)
	}
	var v [1]float64
	dtype.Float64s(dt, e, v[:])
	if dtype.IsInteger(dt) {
		return strconv.AppendInt(b, int64(v[0]), 10)
	}
	if math.IsNaN(v[0]) || math.IsInf(v[0], 0) {
		text, _ := number(v[0]).MarshalJSON()
		return append(b, text...)
	}
	// Write the same digits without an exponent if the number is not very large or small.
	short := dtype.AppendFloat(nil, dt, v[0])
	if f, err := strconv.ParseFloat(string(short), 64); err == nil {
		return strconv.AppendFloat(b, f, 'g', -1, 64)
	}
	return append(b, short...)
}
