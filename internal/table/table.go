// Package table reads and writes the sorted tables that carry TensorFlow's
// checkpoints: the index of a V2 checkpoint, the whole of a V1 one.
//
// The format is LevelDB's sorted table without filters. A table maps byte
// strings, the keys, to byte strings, and holds its keys in strictly rising
// order, so that it is written in one pass and searched without being loaded.
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
// An entry's key is the first "shared" bytes of the key before it and its own
// unshared bytes. The index block has an entry for each data block: a key that
// is at least the block's last and less than the next block's first, and the
// block's handle. The metaindex is always empty in TensorFlow's files. All
// integers are little-endian. docs/format/table.md goes through an example.
package table

import (
	"errors"
	"fmt"
)

const (
	footerSize  = 48
	trailerSize = 5
	magic       = 0xdb4775248b80fb57

	// The smallest block: no entry, one restart point, their number.
	minBlockSize = 8

	noCompression     = 0
	snappyCompression = 1
)

// The kinds of failure a Reader reports beside those of the file itself.
var (
	ErrCorrupt     = errors.New("corrupt table")
	ErrUnsupported = errors.New("unsupported table")
	// ErrTooLarge: a block needs more memory than ReaderOptions.MaxBlock.
	ErrTooLarge = errors.New("table block too large")
)

// Error says where in a table something is wrong.
type Error struct {
	Block  string // "block 3", "index block", "metaindex block", "footer"
	Offset int64  // in the file: where the block or footer begins
	Err    error  // one of the sentinels above, or an I/O error
	Detail string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("table: %s at offset %d: %v", e.Block, e.Offset, e.Err)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Err }
