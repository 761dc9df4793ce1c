package table_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/table/tabletest"
)

func open(file []byte, o *table.ReaderOptions) (*table.Reader, error) {
	return table.NewReader(bytes.NewReader(file), int64(len(file)), o)
}

// readAll opens a table and reads all entries.
func readAll(file []byte, o *table.ReaderOptions) (got []tabletest.KV, err error) {
	r, err := open(file, o)
	if err != nil {
		return nil, err
	}
	for e, err := range r.All() {
		if err != nil {
			return got, err
		}
		got = append(got, tabletest.Pair(string(e.Key), string(e.Value)))
	}
	return got, nil
}

// scan reads all entries and returns the error that ends them.
func scan(r *table.Reader) error {
	for _, err := range r.All() {
		if err != nil {
			return err
		}
	}
	return nil
}

var strict = &table.ReaderOptions{Strict: true}

// many returns enough entries for several blocks.
func many(n int) (kvs []tabletest.KV) {
	for i := range n {
		kvs = append(kvs, tabletest.Pair(fmt.Sprintf("some/long/scope/name/%06d", i), strings.Repeat("v", i%50)))
	}
	return kvs
}

func write(t testing.TB, o *table.WriterOptions, kvs []tabletest.KV) []byte {
	var out bytes.Buffer
	w := table.NewWriter(&out, o)
	for _, kv := range kvs {
		require.NoError(t, w.Add([]byte(kv.Key), []byte(kv.Value)))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestReaderReadsWhatWriterWrites(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 16, 17, 5000} {
		for _, o := range []table.WriterOptions{{}, {BlockSize: 512}, {RestartInterval: 1}} {
			kvs := many(n)
			file := write(t, &o, kvs)
			got, err := readAll(file, strict)
			require.NoError(t, err)
			assert.Equal(t, kvs, got)

			r, err := open(file, nil)
			require.NoError(t, err)
			for i := 0; i < n; i += 7 {
				value, ok, err := r.Get([]byte(kvs[i].Key))
				require.NoError(t, err)
				assert.True(t, ok)
				assert.Equal(t, kvs[i].Value, string(value))
				_, ok, err = r.Get([]byte(kvs[i].Key + "x"))
				require.NoError(t, err)
				assert.False(t, ok)
			}
		}
	}
}

func TestReaderReadsSnappy(t *testing.T) {
	t.Parallel()
	kvs := many(500)
	compressed := tabletest.Entries(kvs...)
	compressed.Snappy = true
	file := tabletest.Table{Data: []tabletest.Block{compressed, tabletest.Entries(tabletest.Pair("z", "plain"))}, Last: []string{"t", "z"}}.Bytes()
	require.Less(t, len(file), 16<<10)
	got, err := readAll(file, strict)
	require.NoError(t, err)
	assert.Equal(t, append(kvs, tabletest.Pair("z", "plain")), got)
}

func TestReaderNamesTheBrokenBlock(t *testing.T) {
	t.Parallel()
	kvs := many(4000)
	file := write(t, &table.WriterOptions{BlockSize: 16 << 10}, kvs)
	whole, err := open(file, nil)
	require.NoError(t, err)
	require.Greater(t, whole.NumBlocks(), 3)
	for i := range whole.NumBlocks() {
		bad := bytes.Clone(file)
		bad[whole.BlockOffset(i)+whole.BlockSize(i)/2] ^= 0x10
		r, err := open(bad, nil)
		require.NoError(t, err)
		err = scan(r)
		var te *table.Error
		require.ErrorAs(t, err, &te)
		assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
		assert.Equal(t, fmt.Sprintf("block %d", i), te.Block)
		assert.Equal(t, whole.BlockOffset(i), te.Offset)
		assert.Contains(t, err.Error(), "checksum")

		// A lookup in the broken block fails, and in other blocks it does not.
		for j := range whole.NumBlocks() {
			var key []byte
			for e, err := range whole.Block(j) {
				require.NoError(t, err)
				key = bytes.Clone(e.Key)
			}
			_, ok, err := r.Get(key)
			assert.Equal(t, i != j, ok)
			assert.Equal(t, i == j, err != nil)
		}
	}
}

func TestReaderSeesEveryFlippedBit(t *testing.T) {
	t.Parallel()
	kvs := many(60)
	file := write(t, &table.WriterOptions{BlockSize: 512}, kvs)
	for bit := range 8 * len(file) {
		bad := bytes.Clone(file)
		bad[bit/8] ^= 1 << (bit % 8)
		_, err := readAll(bad, strict)
		require.Error(t, err, "bit %d", bit)
		got, err := readAll(bad, nil)
		if err == nil {
			require.Equal(t, kvs, got, "bit %d", bit)
		}
	}
	for n := range file {
		_, err := readAll(file[:n], nil)
		require.Error(t, err, "cut to %d bytes", n)
	}
}

func TestReaderSkipsChecksums(t *testing.T) {
	t.Parallel()
	file := write(t, nil, many(10))
	r, err := open(file, nil)
	require.NoError(t, err)
	trailer := r.BlockOffset(0) + r.BlockSize(0)
	file[trailer+3] ^= 1
	_, err = readAll(file, nil)
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	got, err := readAll(file, &table.ReaderOptions{SkipChecksums: true})
	require.NoError(t, err)
	assert.Len(t, got, 10)
}

func varint(v uint64) string { return string(binary.AppendUvarint(nil, v)) }

// Each table breaks one rule, and all its checksums are right.
var (
	abBlock    = tabletest.Entries(tabletest.Pair("a", "1"), tabletest.Pair("b", "2"))
	snappyText = snappy.Encode(nil, []byte("sixty-four bytes that do not compress well, for they do not repeat"))
)

func oneBlock(b tabletest.Block) tabletest.Table {
	return tabletest.Table{Data: []tabletest.Block{b}}
}

func withIndex(index func([]tabletest.KV) tabletest.Block) tabletest.Table {
	return tabletest.Table{
		Data: []tabletest.Block{abBlock, tabletest.Entries(tabletest.Pair("c", "3"))}, Last: []string{"b", "c"}, Index: index,
	}
}

func withHandles(handles func(meta, index string) (string, string)) tabletest.Table {
	return tabletest.Table{Data: []tabletest.Block{abBlock}, Handles: handles}
}

var hostileTables = []struct {
	name   string
	table  tabletest.Table
	strict bool // only strict mode refuses it
	want   string
	kind   error // ErrCorrupt if nil
}{
	{name: "restart count zero by size", table: oneBlock(tabletest.Block{Stored: make([]byte, 8)}), want: "0 restart points"},
	{name: "block too small", table: oneBlock(tabletest.Block{Stored: make([]byte, 7)}), want: "leaves the file"},
	{name: "restart count too large", table: oneBlock(tabletest.Block{Entries: abBlock.Entries, Count: 1 << 20}), want: "restart points in a block"},
	{name: "restart count maximal", table: oneBlock(tabletest.Block{Entries: abBlock.Entries, Count: math.MaxUint32}), want: "restart points in a block"},
	{name: "restart point inside an entry", table: oneBlock(tabletest.Block{Entries: abBlock.Entries, Restarts: []uint32{0, 1}}), want: "not where an entry begins"},
	{name: "restart point beyond the block", table: oneBlock(tabletest.Block{Entries: abBlock.Entries, Restarts: []uint32{0, 1 << 31}}), want: "not where an entry begins"},
	{name: "restart points out of order", table: oneBlock(tabletest.Block{Entries: abBlock.Entries, Restarts: []uint32{0, 10, 5}}), want: "not where an entry begins"},
	{name: "first restart point is not zero", table: oneBlock(tabletest.Block{Entries: abBlock.Entries, Restarts: []uint32{5}}), want: "first restart point"},
	{name: "restart point in an empty block", table: oneBlock(tabletest.Block{Restarts: []uint32{4}}), want: "first restart point"},
	{name: "restart point shares", table: oneBlock(tabletest.Block{Entries: append(tabletest.Entry(0, "a", ""), tabletest.Entry(1, "b", "")...), Restarts: []uint32{0, 4}}), want: "restart point shares 1"},
	{name: "first key shares", table: oneBlock(tabletest.Block{Entries: tabletest.Entry(1, "a", "")}), want: "shares 1 bytes"},
	{name: "shares more than there is", table: oneBlock(tabletest.Block{Entries: append(tabletest.Entry(0, "a", ""), tabletest.Entry(2, "b", "")...)}), want: "shares 2 bytes with one of 1"},
	{name: "shares 2^63", table: oneBlock(tabletest.Block{Entries: append(tabletest.Entry(0, "a", ""), varint(1<<63)+"\x01\x00b"...)}), want: "shares 9223372036854775808 bytes"},
	{name: "key leaves the block", table: oneBlock(tabletest.Block{Entries: []byte("\x00\x7f\x01ab")}), want: "leave the block"},
	{name: "value leaves the block", table: oneBlock(tabletest.Block{Entries: []byte("\x00\x01\x7fab")}), want: "leave the block"},
	{name: "key of 2^64-1", table: oneBlock(tabletest.Block{Entries: []byte("\x00" + varint(math.MaxUint64) + "\x01ab")}), want: "leave the block"},
	{name: "key and value overflow together", table: oneBlock(tabletest.Block{Entries: []byte("\x00\x02" + varint(math.MaxUint64) + "ab")}), want: "leave the block"},
	{name: "varint too long", table: oneBlock(tabletest.Block{Entries: []byte(strings.Repeat("\xff", 11) + "\x00")}), want: "lengths do not decode"},
	{name: "varint cut off", table: oneBlock(tabletest.Block{Entries: []byte("\x00\x01")}), want: "lengths do not decode"},
	{name: "same key twice", table: oneBlock(tabletest.Entries(tabletest.Pair("a", "1"), tabletest.Pair("a", "2"))), want: "does not sort after"},
	{name: "keys out of order", table: oneBlock(tabletest.Entries(tabletest.Pair("b", "1"), tabletest.Pair("a", "2"))), want: "does not sort after"},
	{name: "empty key twice", table: oneBlock(tabletest.Entries(tabletest.Pair("", "1"), tabletest.Pair("", "2"))), want: "does not sort after"},
	{name: "shared key twice", table: oneBlock(tabletest.Block{Entries: append(tabletest.Entry(0, "ab", ""), tabletest.Entry(2, "", "")...)}), want: "does not sort after"},

	{name: "compression type 9", table: oneBlock(tabletest.Block{Entries: abBlock.Entries, Type: 9}), want: "compression type 9", kind: tfkeep.ErrUnsupported},
	{name: "Snappy that is none", table: oneBlock(tabletest.Block{Stored: []byte("\xff\xff\xff\xff\xff\xff\xff\xff"), Type: 1}), want: "Snappy length is impossible"},
	{name: "Snappy of 4 GiB claimed", table: oneBlock(tabletest.Block{Stored: append([]byte(varint(math.MaxUint32)), snappyText...), Type: 1}), want: "Snappy length is impossible"},
	{name: "Snappy longer than claimed", table: oneBlock(tabletest.Block{Stored: append([]byte{8}, snappyText[1:]...), Type: 1}), want: "snappy"},
	{name: "Snappy shorter than claimed", table: oneBlock(tabletest.Block{Stored: append([]byte{100}, snappyText[1:]...), Type: 1}), want: "snappy"},
	{name: "Snappy copies from before its start", table: oneBlock(tabletest.Block{Stored: []byte("\x20\x01\x20\x01\x20\x01\x20\x01"), Type: 1}), want: "snappy"},

	{name: "index handle beyond the file", table: withHandles(func(m, _ string) (string, string) { return m, tabletest.Handle(1<<36, 10) }), want: "handle leaves the file"},
	{name: "index handle of 2^60", table: withHandles(func(m, _ string) (string, string) { return m, tabletest.Handle(0, 1<<60) }), want: "handle leaves the file"},
	{name: "index handle of 2^64-1", table: withHandles(func(m, _ string) (string, string) { return m, tabletest.Handle(math.MaxUint64, math.MaxUint64) }), want: "handle leaves the file"},
	{name: "index handle that wraps", table: withHandles(func(m, _ string) (string, string) { return m, tabletest.Handle(math.MaxUint64-5, 10) }), want: "handle leaves the file"},
	{name: "index handle cut off", table: withHandles(func(string, string) (string, string) { return strings.Repeat("\xff", 40), "" }), want: "handle leaves the file"},
	{name: "index handle in more bytes than it needs", table: withHandles(func(m, i string) (string, string) { return m, i[:1] + "\x80\x80\x00" }), want: "handle leaves the file"},
	{name: "index handle empty", table: withHandles(func(m, _ string) (string, string) { return m, tabletest.Handle(0, 0) }), want: "handle leaves the file"},
	{name: "index handle to a data block", table: withHandles(func(m, _ string) (string, string) { return m, tabletest.Handle(0, 22) }), want: "block 0 does not decode"},
	{name: "metaindex handle beyond the file", table: withHandles(func(_, i string) (string, string) { return tabletest.Handle(1<<40, 8), i }), want: "handle leaves the file"},
	{name: "index entry is no handle", table: withIndex(func(e []tabletest.KV) tabletest.Block { return tabletest.Entries(tabletest.Pair("b", "\xff"), e[1]) }), want: "handle of block 0 does not decode"},
	{name: "index entry with more than a handle", table: withIndex(func(e []tabletest.KV) tabletest.Block {
		return tabletest.Entries(tabletest.Pair("b", e[0].Value+"x"), e[1])
	}), want: "handle of block 0 does not decode"},
	{name: "index entry beyond the file", table: withIndex(func(e []tabletest.KV) tabletest.Block {
		return tabletest.Entries(e[0], tabletest.Pair("c", tabletest.Handle(1<<20, 8)))
	}), want: "handle of block 1 does not decode"},
	{name: "index entry of 2^36 bytes", table: withIndex(func(e []tabletest.KV) tabletest.Block {
		return tabletest.Entries(e[0], tabletest.Pair("c", tabletest.Handle(30, 1<<36)))
	}), want: "handle of block 1 does not decode"},
	{name: "blocks out of order", table: withIndex(func(e []tabletest.KV) tabletest.Block {
		return tabletest.Entries(tabletest.Pair("b", e[1].Value), tabletest.Pair("c", e[0].Value))
	}), want: "overlaps"},
	{name: "one block twice", table: withIndex(func(e []tabletest.KV) tabletest.Block {
		return tabletest.Entries(tabletest.Pair("b", e[0].Value), tabletest.Pair("c", e[0].Value))
	}), want: "overlaps"},
	{name: "index keys out of order", table: withIndex(func(e []tabletest.KV) tabletest.Block {
		return tabletest.Entries(tabletest.Pair("c", e[0].Value), tabletest.Pair("b", e[1].Value))
	}), want: "does not sort after"},
	{name: "index key before the block's last", table: withIndex(func(e []tabletest.KV) tabletest.Block {
		return tabletest.Entries(tabletest.Pair("a", e[0].Value), e[1])
	}), want: "belongs to a later block"},
	{name: "index key after the next block's first", table: withIndex(func(e []tabletest.KV) tabletest.Block {
		return tabletest.Entries(tabletest.Pair("c", e[0].Value), tabletest.Pair("d", e[1].Value))
	}), want: "belongs to an earlier block"},
	{name: "index block is broken", table: withIndex(func(e []tabletest.KV) tabletest.Block { return tabletest.Block{Entries: []byte("\x00")} }), want: "index block"},
	{name: "index block is no block", table: withIndex(func(e []tabletest.KV) tabletest.Block { return tabletest.Block{Stored: make([]byte, 8)} }), want: "index block"},

	{name: "a block that the index leaves out", strict: true, table: withIndex(func(e []tabletest.KV) tabletest.Block { return tabletest.Entries(e[1]) }), want: "belong to no block"},
	{name: "the last block left out", strict: true, table: withIndex(func(e []tabletest.KV) tabletest.Block { return tabletest.Entries(e[0]) }), want: "do not fill the file"},
	{name: "metaindex elsewhere", strict: true, table: withHandles(func(_, i string) (string, string) { return tabletest.Handle(0, 8), i }), want: "do not fill the file"},
	{name: "metaindex with an entry", strict: true, table: tabletest.Table{Data: []tabletest.Block{abBlock}, Meta: &abBlock}, want: "not empty"},
	{name: "metaindex is no block", strict: true, table: tabletest.Table{Data: []tabletest.Block{abBlock}, Meta: &tabletest.Block{Stored: make([]byte, 8)}}, want: "metaindex"},
	{name: "metaindex of another compression", strict: true, table: tabletest.Table{Data: []tabletest.Block{abBlock}, Meta: &tabletest.Block{Type: 3}}, want: "compression type 3", kind: tfkeep.ErrUnsupported},
	{name: "padding", strict: true, table: withHandles(func(m, i string) (string, string) { return m, i + "x" }), want: "padding"},
}

func TestReaderRefusesHostileTables(t *testing.T) {
	t.Parallel()
	for _, c := range hostileTables {
		t.Run(c.name, func(t *testing.T) {
			file := c.table.Bytes()
			if c.strict {
				_, err := readAll(file, nil)
				require.NoError(t, err)
			}
			for _, o := range []*table.ReaderOptions{strict, {SkipChecksums: true, Strict: c.strict}} {
				_, err := readAll(file, o)
				if c.kind == nil {
					c.kind = tfkeep.ErrCorrupt
				}
				require.ErrorIs(t, err, c.kind)
				require.Contains(t, err.Error(), c.want)
				var te *table.Error
				require.ErrorAs(t, err, &te)
				require.NotEmpty(t, te.Block)
			}
		})
	}
}

func TestReaderRefusesWhatIsNoTable(t *testing.T) {
	t.Parallel()
	for _, file := range [][]byte{nil, make([]byte, 47), make([]byte, 48), bytes.Repeat([]byte("text\n"), 100)} {
		_, err := open(file, nil)
		require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	}
}

func TestReaderKeepsToItsMemory(t *testing.T) {
	t.Parallel()
	limit := &table.ReaderOptions{MaxBlock: 4 << 10}
	small := write(t, &table.WriterOptions{BlockSize: 2 << 10}, many(20))
	_, err := readAll(small, limit)
	require.NoError(t, err)

	large := write(t, nil, many(1000))
	_, err = readAll(large, limit)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)

	zeros := tabletest.Table{Data: []tabletest.Block{{Entries: tabletest.Entry(0, "k", strings.Repeat("\x00", 8<<10)), Snappy: true}}}.Bytes()
	require.Less(t, len(zeros), 4<<10)
	_, err = readAll(zeros, limit)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)

	// A key that grows by one byte with each entry is long in memory only.
	var b tabletest.Block
	for i := range 200 {
		b.Entries = append(b.Entries, tabletest.Entry(i, "k", tabletest.Handle(0, 8))...)
	}
	_, err = open(tabletest.Table{Data: []tabletest.Block{{}}, Index: func([]tabletest.KV) tabletest.Block { return b }}.Bytes(), limit)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
}

// An index whose keys share bytes is unusual but valid.
func TestReaderTakesAnIndexWithSharedKeys(t *testing.T) {
	t.Parallel()
	file := tabletest.Table{
		Data: []tabletest.Block{tabletest.Entries(tabletest.Pair("ka", "1")), tabletest.Entries(tabletest.Pair("kb", "2")), tabletest.Entries(tabletest.Pair("kc", "3"))},
		Last: []string{"ka", "kb", "kc"},
		Index: func(e []tabletest.KV) tabletest.Block {
			b := tabletest.Block{Entries: tabletest.Entry(0, "ka", e[0].Value)}
			b.Entries = append(b.Entries, tabletest.Entry(1, "b", e[1].Value)...)
			b.Entries = append(b.Entries, tabletest.Entry(1, "c", e[2].Value)...)
			return b
		},
	}.Bytes()
	got, err := readAll(file, strict)
	require.NoError(t, err)
	assert.Equal(t, []tabletest.KV{tabletest.Pair("ka", "1"), tabletest.Pair("kb", "2"), tabletest.Pair("kc", "3")}, got)
	r, err := open(file, nil)
	require.NoError(t, err)
	for _, kv := range got {
		value, ok, err := r.Get([]byte(kv.Key))
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, kv.Value, string(value))
	}
	_, ok, err := r.Get([]byte("kd"))
	require.NoError(t, err)
	assert.False(t, ok)
}

// failingReader fails in a range of offsets, like a bad disk.
type failingReader struct {
	*bytes.Reader
	from, to int64
	err      error
}

func (f failingReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from && off < f.to {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, off)
}

func TestReaderPassesOnFailuresOfTheFile(t *testing.T) {
	t.Parallel()
	file := write(t, nil, many(100))
	whole, err := open(file, nil)
	require.NoError(t, err)
	bad := errors.New("bad disk")
	size := int64(len(file))
	for _, c := range []failingReader{
		{from: size - 48, to: size, err: bad},
		{from: size - 80, to: size - 49, err: bad},
		{from: 0, to: whole.BlockSize(0), err: bad},
		{from: 0, to: whole.BlockSize(0), err: io.EOF},
	} {
		c.Reader = bytes.NewReader(file)
		r, err := table.NewReader(c, size, nil)
		if err == nil {
			err = scan(r)
		}
		if errors.Is(c.err, io.EOF) {
			require.ErrorIs(t, err, tfkeep.ErrCorrupt)
		} else {
			require.ErrorIs(t, err, bad)
			require.NotErrorIs(t, err, tfkeep.ErrCorrupt)
		}
	}
}

func TestReaderStopsWhenAsked(t *testing.T) {
	t.Parallel()
	r, err := open(write(t, nil, many(10)), nil)
	require.NoError(t, err)
	n := 0
	for _, err := range r.All() {
		require.NoError(t, err)
		n++
		break
	}
	assert.Equal(t, 1, n)
}
