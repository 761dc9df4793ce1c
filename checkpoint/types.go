package checkpoint

import (
	"fmt"
	"math"
	"slices"

	"github.com/tfkeep/tfkeep/dtype"
)

// Version is a checkpoint's file format.
type Version int

// The formats, numbered as in SaverDef.CheckpointFormatVersion.
const (
	V1 Version = 1 // sorted tables that hold the values themselves
	V2 Version = 2 // the tensor bundle: an index and data shards
)

func (v Version) String() string {
	switch v {
	case V1:
		return "V1"
	case V2:
		return "V2"
	}
	return fmt.Sprintf("Version(%d)", int(v))
}

// maxRank is the highest rank TensorFlow gives a tensor.
const maxRank = 254

// TensorInfo says what a checkpoint holds under one name, and where.
type TensorInfo struct {
	Name  string
	DType dtype.DataType
	// Shape is the full shape; empty for a scalar.
	Shape []int64
	// Bytes is the size of the value: elements × element size. For strings,
	// which have no fixed size, it is what they take in the data file,
	// lengths and checksum included (V1: 0, for that is known on reading only).
	Bytes int64
	// Shard, Offset and CRC32C place the bytes in a data file, CRC32C being
	// the unmasked checksum. They are those of the first slice where there are
	// Slices. In V1, Shard counts the files, Offset is that of the table block
	// that holds the value, and CRC32C is 0: the block's checksum serves.
	Shard  int
	Offset int64
	CRC32C uint32
	// Slices are the parts that a partitioned tensor was saved in, in the order
	// of the file; nil for one saved whole.
	Slices []SliceInfo
}

// clone returns a copy that shares no memory.
func (t *TensorInfo) clone() TensorInfo {
	c := *t
	c.Shape, c.Slices = slices.Clone(t.Shape), slices.Clone(t.Slices)
	for i := range c.Slices {
		c.Slices[i].Slice = slices.Clone(c.Slices[i].Slice)
	}
	return c
}

// SliceInfo is one stored part of a partitioned tensor.
type SliceInfo struct {
	Slice  Slice
	Bytes  int64
	Shard  int
	Offset int64
	CRC32C uint32
}

// NumElements multiplies the dimensions: 1 for a scalar. It reports false when
// a dimension is negative or the product overflows.
func NumElements(shape []int64) (int64, bool) {
	n, fits := int64(1), true
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, false
		case d > 0 && n > math.MaxInt64/d:
			fits = false
		default:
			n *= d
		}
	}
	if n == 0 {
		return 0, true
	}
	if !fits {
		return 0, false
	}
	return n, true
}
