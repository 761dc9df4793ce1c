package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
)

// crafted is a V2 checkpoint whose parts a test can change. Its checksums are right,
// whatever else is wrong.
type crafted struct {
	header    string            // the value of the empty key; "-" leaves it out
	entries   map[string]string // all others
	data      map[int][]byte    // shards
	numShards int               // in the data files' names
	index     []byte            // the whole file, in place of header and entries
}

func newCrafted() *crafted {
	h := wire.BundleHeader{NumShards: 1, Versions: wire.Versions{Producer: 1}}
	return &crafted{header: string(h.Encode()), entries: map[string]string{}, data: map[int][]byte{}, numShards: 1}
}

// add stores data at the end of shard 0 and returns its entry.
func (c *crafted) add(key string, dtype dtype.DataType, shape []int64, data []byte) *bundleEntry {
	e := &bundleEntry{dtype: dtype, shape: shape, offset: int64(len(c.data[0])), size: int64(len(data)), crc: crc32c.Mask(crc32c.Checksum(data))}
	c.data[0] = append(c.data[0], data...)
	c.set(key, e)
	return e
}

func (c *crafted) set(key string, e *bundleEntry) { c.entries[key] = string(e.encode(nil)) }

// addStrings adds strings in the encoding of a data file.
func (c *crafted) addStrings(key string, shape []int64, elems ...string) *bundleEntry {
	return c.addStringData(key, shape, encodeStrings(binary.LittleEndian, elems...))
}

// addStringData adds a string tensor that is encoded already. Its checksum is right if
// the encoding is.
func (c *crafted) addStringData(key string, shape []int64, data []byte) *bundleEntry {
	e := c.add(key, dtype.String, shape, data)
	p := &bundlePart{b: &bundle{}, in: &input{}, t: &TensorInfo{}, place: SliceInfo{Bytes: e.size}}
	p.count, _ = dtype.NumElements(shape)
	if crc, pos, err := p.lengths(data, func(int, int) {}); err == nil {
		e.crc = crc32c.Mask(crc32c.Update(crc, data[pos:]))
		c.set(key, e)
	}
	return e
}

func encodeStrings(order binary.AppendByteOrder, elems ...string) []byte {
	var out, sums []byte
	for _, s := range elems {
		out = binary.AppendUvarint(out, uint64(len(s)))
		sums = order.AppendUint32(sums, uint32(len(s)))
	}
	out = order.AppendUint32(out, crc32c.Mask(crc32c.Checksum(sums)))
	for _, s := range elems {
		out = append(out, s...)
	}
	return out
}

// addPartitioned adds a 4×4 float32 matrix in slices, whose elements count from 0.
func (c *crafted) addPartitioned(name string, parts ...Slice) *bundleEntry {
	whole := &bundleEntry{dtype: dtype.Float32, shape: []int64{4, 4}, slices: parts}
	for _, s := range parts {
		box, _ := s.resolve(whole.shape)
		var data []byte
		for r := box[0].Start; r < box[0].Start+box[0].Length; r++ {
			for col := box[1].Start; col < box[1].Start+box[1].Length; col++ {
				data = appendFloats(data, float32(r*4+col))
			}
		}
		c.add(sliceKey(name, s), dtype.Float32, box.lengths(), data)
	}
	c.set(name, whole)
	return whole
}

func sliceKey(name string, s Slice) string { return string(appendSliceKey(nil, name, s)) }

func (c *crafted) indexBytes(t testing.TB) []byte {
	if c.index != nil {
		return c.index
	}
	var out bytes.Buffer
	w := table.NewWriter(&out, nil)
	if c.header != "-" {
		require.NoError(t, w.Add(nil, []byte(c.header)))
	}
	for _, key := range slices.Sorted(maps.Keys(c.entries)) {
		require.NoError(t, w.Add([]byte(key), []byte(c.entries[key])))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// write writes the files into a new folder and returns the prefix.
func (c *crafted) write(t testing.TB) string {
	prefix := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.WriteFile(filenames.Index(prefix), c.indexBytes(t), 0o644))
	for shard, data := range c.data {
		require.NoError(t, os.WriteFile(filenames.Data(prefix, shard, c.numShards), data, 0o644))
	}
	return prefix
}

// openFS opens a checkpoint in a file system.
func openFS(fsys fs.FS, name string, o *ReaderOptions) (*Reader, error) {
	opts := ReaderOptions{}
	if o != nil {
		opts = *o
	}
	opts.FS = fsys
	return Open(context.Background(), name, &opts)
}
