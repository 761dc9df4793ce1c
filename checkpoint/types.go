package checkpoint

import (
	"fmt"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
)

// Version is the file format of a checkpoint.
type Version int

// The formats have the numbers of SaverDef.CheckpointFormatVersion.
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

// maxRank is the highest rank that a tensor can have in TensorFlow.
const maxRank = 254

// TensorInfo describes a tensor of a checkpoint and says where it is.
type TensorInfo struct {
	Name  string
	DType dtype.DataType
	// Shape is the full shape; empty for a scalar.
	Shape []int64
	// Bytes is the size of the value: elements × element size. Strings have no fixed
	// size: for them it is the number of bytes in the data file, with the lengths and
	// their checksum (V1: 0, because only reading shows it).
	Bytes int64
	// Shard and Offset are the place of the bytes in the data files, and CRC32C is
	// their checksum, unmasked. If there are Slices, they are those of the first one.
	// In V1, Shard is the number of the file, Offset is that of the table block that
	// has the value, and CRC32C is 0, because the block has a checksum.
	Shard  int
	Offset int64
	CRC32C uint32
	// Slices are the parts in which a partitioned tensor was saved, in the order of the
	// file. They are nil for a tensor that was saved whole.
	Slices []SliceInfo
	// Fault, if not nil, says why the values cannot be read: the tensor is of a type that
	// checkpoints cannot hold or TensorFlow does not have, or its bytes cannot be its
	// strings. It is a [tfkeep.Error]. Reading the tensor returns it; the other tensors of
	// the checkpoint are not affected.
	Fault error
}

// variable reports whether the elements of a type have no fixed size: strings, and
// variants, which are read and written as the bytes of one VariantTensorDataProto each.
func variable(dt dtype.DataType) bool { return dt == dtype.String || dt == dtype.Variant }

// typeFault returns why a checkpoint cannot have values of a type, with the kind of the
// error, or "".
func typeFault(dt dtype.DataType) (why string, kind error) {
	switch {
	case dtype.Size(dt) > 0 || variable(dt):
		return "", nil
	case dt == dtype.Resource:
		return "it is of type resource, a handle that only its process understands; no reader has its values", tfkeep.ErrUnsupported
	case dtype.IsRef(dt) && dtype.Size(dtype.Base(dt)) > 0:
		return fmt.Sprintf("%d is not a data type of values: %s is a reference", int32(dt), dtype.Name(dt)), tfkeep.ErrCorrupt
	case dt > 0 && !dtype.IsRef(dt):
		return fmt.Sprintf("it is of type %s, which TensorFlow 2.21 does not have", dtype.Name(dt)), tfkeep.ErrUnsupported
	}
	return fmt.Sprintf("%d is not a data type", int32(dt)), tfkeep.ErrCorrupt
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

// SliceInfo describes one stored part of a partitioned tensor.
type SliceInfo struct {
	Slice  Slice
	Bytes  int64
	Shard  int
	Offset int64
	CRC32C uint32
}
