package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
)

// integers has the integer types, with true for signed ones.
var integers = map[dtype.DataType]bool{
	dtype.Int8: true, dtype.Int16: true, dtype.Int32: true, dtype.Int64: true,
	dtype.Uint8: false, dtype.Uint16: false, dtype.Uint32: false, dtype.Uint64: false,
}

// fromJSON makes an array from nested lists, with their shape.
func fromJSON(value any, dtype dtype.DataType) (*npy.Array, error) {
	a := &npy.Array{DType: dtype, Shape: []int64{}}
	for v := value; ; {
		list, ok := v.([]any)
		if !ok {
			break
		}
		a.Shape = append(a.Shape, int64(len(list)))
		if len(list) == 0 {
			break
		}
		v = list[0]
	}
	if err := fill(a, value, 0); err != nil {
		return nil, err
	}
	return a, nil
}

func fill(a *npy.Array, value any, depth int) error {
	list, isList := value.([]any)
	if isList != (depth < len(a.Shape)) || isList && int64(len(list)) != a.Shape[depth] {
		return errors.New("the lists have different lengths or depths and do not make a tensor")
	}
	if !isList {
		return element(a, value)
	}
	for _, v := range list {
		if err := fill(a, v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// element appends one value to an array.
func element(a *npy.Array, value any) error {
	if a.DType == dtype.String {
		b, err := text(value)
		a.Strings = append(a.Strings, b)
		return err
	}
	if b, ok := value.(bool); ok && a.DType == dtype.Bool {
		if b {
			a.Data = append(a.Data, 1)
		} else {
			a.Data = append(a.Data, 0)
		}
		return nil
	}
	size := dtype.Size(a.DType)
	wrong := fmt.Errorf("%v is not a valid %s", value, dtype.Name(a.DType))
	if dtype.IsFloat(a.DType) {
		f, err := number(value)
		if err != nil {
			return wrong
		}
		switch {
		case a.DType == dtype.Float64:
			a.Data = binary.LittleEndian.AppendUint64(a.Data, math.Float64bits(f))
		case a.DType == dtype.Float32:
			a.Data = binary.LittleEndian.AppendUint32(a.Data, math.Float32bits(float32(f)))
		case a.DType == dtype.Float16:
			a.Data = binary.LittleEndian.AppendUint16(a.Data, uint16(dtype.ToF16(float32(f))))
		case a.DType == dtype.BFloat16:
			a.Data = binary.LittleEndian.AppendUint16(a.Data, uint16(dtype.ToBF16(float32(f))))
		default:
			b := make([]byte, size)
			if dtype.PutFloat32s(a.DType, b, []float32{float32(f)}) >= 0 {
				return wrong
			}
			a.Data = append(a.Data, b...)
		}
		return nil
	}
	if signed, ok := integers[a.DType]; ok {
		n, ok := value.(json.Number)
		if !ok {
			return wrong
		}
		var bits uint64
		var err error
		if signed {
			var i int64
			i, err = strconv.ParseInt(n.String(), 10, size*8)
			bits = uint64(i)
		} else {
			bits, err = strconv.ParseUint(n.String(), 10, size*8)
		}
		if err != nil {
			return wrong
		}
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], bits)
		a.Data = append(a.Data, b[:size]...)
		return nil
	}
	return fmt.Errorf("values of type %s cannot be given as JSON; use a .npy file", dtype.Name(a.DType))
}

func number(value any) (float64, error) {
	switch v := value.(type) {
	case json.Number:
		return v.Float64()
	case string:
		switch v {
		case "NaN":
			return math.NaN(), nil
		case "Infinity":
			return math.Inf(1), nil
		case "-Infinity":
			return math.Inf(-1), nil
		}
	}
	return 0, errors.New("not a number")
}

// text returns the bytes of a string, or of an object as in TensorFlow Serving's JSON.
func text(value any) ([]byte, error) {
	switch v := value.(type) {
	case string:
		return []byte(v), nil
	case map[string]any:
		if s, ok := v["b64"].(string); ok && len(v) == 1 {
			return base64.StdEncoding.DecodeString(s)
		}
	}
	return nil, fmt.Errorf("%v is not a string; write text, or {\"b64\": ...}", value)
}

// appendJSON writes an array as nested lists.
func appendJSON(b []byte, a *npy.Array) ([]byte, error) {
	count, ok := dtype.NumElements(a.Shape)
	if !ok {
		return nil, fmt.Errorf("shape %v is too large", a.Shape)
	}
	one, err := elementWriter(a, count)
	if err != nil {
		return nil, err
	}
	next := int64(0)
	var write func(shape []int64)
	write = func(shape []int64) {
		if len(shape) == 0 {
			b = one(b, next)
			next++
			return
		}
		b = append(b, '[')
		for i := range shape[0] {
			if i > 0 {
				b = append(b, ',')
			}
			write(shape[1:])
		}
		b = append(b, ']')
	}
	write(a.Shape)
	return b, nil
}

func elementWriter(a *npy.Array, count int64) (func(b []byte, i int64) []byte, error) {
	size := int64(dtype.Size(a.DType))
	values := []float64(nil)
	if dtype.IsFloat(a.DType) {
		values = make([]float64, count)
	}
	if values != nil && dtype.Float64s(a.DType, a.Data, values) {
		return func(b []byte, i int64) []byte {
			switch v := values[i]; {
			case math.IsNaN(v):
				return append(b, `"NaN"`...)
			case math.IsInf(v, 1):
				return append(b, `"Infinity"`...)
			case math.IsInf(v, -1):
				return append(b, `"-Infinity"`...)
			default:
				short, _ := strconv.ParseFloat(string(dtype.AppendFloat(nil, a.DType, v)), 64) // the digits of its own type
				return strconv.AppendFloat(b, short, 'g', -1, 64)
			}
		}, nil
	}
	if signed, ok := integers[a.DType]; ok {
		return func(b []byte, i int64) []byte {
			var raw [8]byte
			copy(raw[:], a.Data[i*size:(i+1)*size])
			bits := binary.LittleEndian.Uint64(raw[:])
			if !signed {
				return strconv.AppendUint(b, bits, 10)
			}
			shift := 64 - 8*size
			return strconv.AppendInt(b, int64(bits)<<shift>>shift, 10)
		}, nil
	}
	switch a.DType {
	case dtype.Bool:
		return func(b []byte, i int64) []byte { return strconv.AppendBool(b, a.Data[i] != 0) }, nil
	case dtype.String:
		return func(b []byte, i int64) []byte { return appendText(b, a.Strings[i]) }, nil
	}
	return nil, fmt.Errorf("values of type %s cannot be written as JSON; use --out", dtype.Name(a.DType))
}

func appendText(b, s []byte) []byte {
	quoted, err := json.Marshal(string(s))
	var back string
	if err == nil && json.Unmarshal(quoted, &back) == nil && slices.Equal([]byte(back), s) {
		return append(b, quoted...)
	}
	return fmt.Appendf(b, `{"b64":%q}`, base64.StdEncoding.EncodeToString(s))
}
