package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
)

// The field numbers of tensorflow/core/example/{example,feature}.proto.
const (
	exampleFeatures = 1
	featuresFeature = 1
	mapKey          = 1
	mapValue        = 2
	featureBytes    = 1
	featureFloats   = 2
	featureInts     = 3
	listValue       = 1
)

// fromExamples makes a vector of serialized tf.Examples from a JSON list of objects. Each
// object has lists of values by the names of the features.
func fromExamples(data []byte) (*npy.Array, error) {
	value, err := decode(data)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("tf.Examples must be a list of objects")
	}
	a := &npy.Array{DType: dtype.String, Shape: []int64{int64(len(list))}}
	for i, item := range list {
		features, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("tf.Example %d is not an object", i)
		}
		var all []byte
		for _, name := range slices.Sorted(maps.Keys(features)) {
			f, err := feature(features[name])
			if err != nil {
				return nil, fmt.Errorf("feature %q of tf.Example %d: %w", name, i, err)
			}
			entry := protowire.AppendString(protowire.AppendTag(nil, mapKey, protowire.BytesType), name)
			entry = message(entry, mapValue, f)
			all = message(all, featuresFeature, entry)
		}
		a.Strings = append(a.Strings, message(nil, exampleFeatures, all))
	}
	return a, nil
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

// feature encodes a list of integers, of numbers, or of strings.
func feature(value any) ([]byte, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("feature value must be a list")
	}
	var body []byte
	kind := protowire.Number(0)
	for _, v := range list {
		k := featureBytes
		if n, ok := v.(json.Number); ok {
			k = featureInts
			if strings.ContainsAny(n.String(), ".eE") {
				k = featureFloats
			}
		}
		if kind == featureInts && k == featureFloats {
			return feature(asFloats(list))
		}
		if kind == featureFloats && k == featureInts {
			k = featureFloats
		}
		if kind != 0 && kind != protowire.Number(k) {
			return nil, errors.New("the values of a feature must be of one kind")
		}
		kind = protowire.Number(k)
		switch k {
		case featureInts:
			i, err := strconv.ParseInt(v.(json.Number).String(), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%v is not an int64", v)
			}
			body = protowire.AppendVarint(protowire.AppendTag(body, listValue, protowire.VarintType), uint64(i))
		case featureFloats:
			f, err := number(v)
			if err != nil {
				return nil, err
			}
			body = protowire.AppendFixed32(protowire.AppendTag(body, listValue, protowire.Fixed32Type), math.Float32bits(float32(f)))
		default:
			s, err := text(v)
			if err != nil {
				return nil, err
			}
			body = message(body, listValue, s)
		}
	}
	if kind == 0 {
		return nil, nil // a feature without values
	}
	return message(nil, kind, body), nil
}

// asFloats writes the integers of a list with a fraction.
func asFloats(list []any) []any {
	floats := make([]any, len(list))
	for i, v := range list {
		floats[i] = v
		if n, ok := v.(json.Number); ok && !strings.ContainsAny(n.String(), ".eE") {
			floats[i] = json.Number(n.String() + ".0")
		}
	}
	return floats
}
