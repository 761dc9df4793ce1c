// Package table reads and writes the sorted tables in TensorFlow's checkpoints: a V2
// checkpoint has its index in one, and a file of a V1 checkpoint is one.
//
// The format is LevelDB's sorted table without filters. A table maps keys to values,
// both of them byte strings, and has its keys in strictly rising order, so that it is
// written in one pass and searched without loading it.
//
//	file    = data block … data block, metaindex block, index block, footer
//	block   = entries, restart points, trailer
//	entry   = varint shared, varint unshared, varint value length,
//	          unshared key bytes, value bytes
//	restart = uint32 offset of an entry that shares nothing; after the last
//	          restart point comes their number, uint32
//	trailer = compression type (one byte), uint32 masked CRC-32C of the block
//	          as stored and of the type byte
//	footer  = handle of the metaindex, handle of the index, zeros up to 40
//	          bytes, uint64 magic
//	handle  = varint offset, varint length of a block without its trailer
//
// The key of an entry is the first "shared" bytes of the key before it, and then its own
// unshared bytes. The index block has one entry for each data block: its key is at least
// the last key of the block and less than the first key of the next one, its value is the
// handle of the block. The metaindex is always empty in TensorFlow's files. All integers
// are little-endian. docs/format/table.md explains an example.
package table

import (
	"encoding/binary"
	"fmt"
)

const (
	footerSize  = 48
	trailerSize = 5
	magic       = 0xdb4775248b80fb57

	// The smallest block has no entry, one restart point, and their number.
	minBlockSize = 8

	noCompression     = 0
	snappyCompression = 1
)

// IsEnd reports whether the last bytes of a file are those of a table.
func IsEnd(last [8]byte) bool { return binary.LittleEndian.Uint64(last[:]) == magic }

// Error is the error of a [Reader]. It names the part of the table that is wrong.
type Error struct {
	Block  string // "block 3", "index block", "metaindex block", "footer"
	Offset int64  // where the block or footer begins in the file
	// Err is tfkeep.ErrCorrupt, tfkeep.ErrUnsupported, tfkeep.ErrTooLarge for a block
	// that needs more memory than ReaderOptions.MaxBlock, or an error of the file.
	Err    error
	Detail string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s at offset %d: %v", e.Block, e.Offset, e.Err)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Err }
