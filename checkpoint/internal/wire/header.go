package wire

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// BundleHeader is a BundleHeaderProto, the entry of the empty key.
type BundleHeader struct {
	NumShards int
	BigEndian bool
	Versions  Versions
}

// Encode returns the header as TensorFlow writes it.
func (h *BundleHeader) Encode() []byte {
	b := AppendVarint(nil, 1, uint64(h.NumShards))
	if h.BigEndian {
		b = AppendVarint(b, 2, 1)
	}
	return AppendMessage(b, 3, h.Versions.Encode)
}

// Encode appends a VersionDef.
func (v Versions) Encode(b []byte) []byte {
	b = AppendVarint(b, 1, uint64(v.Producer))
	b = AppendVarint(b, 2, uint64(v.MinConsumer))
	if len(v.BadConsumers) == 0 {
		return b
	}
	return AppendMessage(b, 3, func(b []byte) []byte {
		for _, c := range v.BadConsumers {
			b = protowire.AppendVarint(b, uint64(c))
		}
		return b
	})
}

// DecodeBundleHeader reads the BundleHeaderProto under the empty key.
func DecodeBundleHeader(b []byte) (h BundleHeader, err error) {
	var numShards, endianness int32
	err = Each(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			return f.Int32(&numShards)
		case 2:
			return f.Int32(&endianness)
		case 3:
			h.Versions, err = f.DecodeVersions()
		}
		return err
	})
	switch {
	case err != nil:
		return h, err
	case endianness != 0 && endianness != 1:
		return h, fmt.Errorf("endianness %d is neither little (0) nor big (1)", endianness)
	case numShards < 1:
		return h, fmt.Errorf("%d data shards", numShards)
	}
	h.NumShards, h.BigEndian = int(numShards), endianness == 1
	return h, nil
}

// Versions is a VersionDef.
type Versions struct {
	Producer, MinConsumer int32
	BadConsumers          []int32
}

// DecodeVersions reads a VersionDef.
func (f Field) DecodeVersions() (v Versions, err error) {
	bad := func(n uint64) {
		if len(v.BadConsumers) < 1000 {
			v.BadConsumers = append(v.BadConsumers, int32(n))
		}
	}
	err = f.Message(func(f Field) error {
		switch f.Number {
		case 1:
			return f.Int32(&v.Producer)
		case 2:
			return f.Int32(&v.MinConsumer)
		case 3:
			if f.Wire == protowire.VarintType {
				bad(f.Num)
				return nil
			}
			for b := f.Bytes; len(b) > 0; {
				n, m := protowire.ConsumeVarint(b)
				if m < 0 {
					return ErrDecode
				}
				bad(n)
				b = b[m:]
			}
		}
		return nil
	})
	return v, err
}

// FormatVersion is the version of both checkpoint formats. TensorFlow has not
// changed it since 2015.
const FormatVersion = 1

// Refusal returns the reason, in TensorFlow's words, why a reader of
// [FormatVersion] must not read the file. It is empty if there is no reason.
func (v Versions) Refusal() string {
	switch {
	case v.Producer < 0:
		return fmt.Sprintf("Checkpoint producer version %d below min producer 0 supported by TensorFlow", v.Producer)
	case v.MinConsumer > FormatVersion:
		return fmt.Sprintf("Checkpoint min consumer version %d above current version %d for TensorFlow", v.MinConsumer, FormatVersion)
	case slices.Contains(v.BadConsumers, FormatVersion):
		return fmt.Sprintf("Checkpoint disallows consumer version %d.  Please upgrade TensorFlow: this version is likely buggy.", FormatVersion)
	}
	return ""
}
