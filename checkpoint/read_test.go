package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
)

func (c *crafted) open(t testing.TB, o *ReaderOptions) *Reader {
	r, err := Open(context.Background(), c.write(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

func TestReadRefusesWrongArguments(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := smallCheckpoint().open(t, nil)
	errorOf := func(_ any, err error) error { return err }
	for _, c := range []struct {
		name string
		err  error
		kind error
		want string
	}{
		{"no such tensor", errorOf(r.ReadBytes(ctx, "nope", nil)), tfkeep.ErrNotFound, `tensor "nope"`},
		{"strings as bytes", errorOf(r.ReadBytes(ctx, "names", nil)), tfkeep.ErrMismatch, "use ReadStrings"},
		{"strings mapped", func() error { _, _, err := r.Map(context.Background(), "names"); return err }(), tfkeep.ErrMismatch, "use ReadStrings"},
		{"strings streamed", errorOf(r.OpenTensor(ctx, "names", nil)), tfkeep.ErrMismatch, "use ReadStrings"},
		{"numbers as strings", errorOf(r.ReadStrings(ctx, "global_step", nil)), tfkeep.ErrMismatch, "use ReadBytes"},
		{"destination too short", r.ReadInto(ctx, "dense/bias", nil, make([]byte, 11)), tfkeep.ErrMismatch, "has 11 bytes, the value has 12"},
		{"destination too long", r.ReadInto(ctx, "dense/bias", Slice{{1, 1}}, make([]byte, 12)), tfkeep.ErrMismatch, "has 12 bytes, the value has 4"},
		{"slice of another rank", errorOf(r.ReadBytes(ctx, "dense/bias", Slice{{0, 1}, {0, 1}})), tfkeep.ErrMismatch, "does not lie"},
		{"slice out of the shape", errorOf(r.ReadBytes(ctx, "dense/bias", Slice{{2, 2}})), tfkeep.ErrMismatch, "does not lie"},
		{"values of another type", errorOf(Values[float64](ctx, r, "dense/bias", nil)), tfkeep.ErrMismatch, "it has float32, and Values was called for float64"},
		{"values of nothing", errorOf(Values[float64](ctx, r, "nope", nil)), tfkeep.ErrNotFound, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireError(t, c.err, c.kind)
			require.ErrorContains(t, c.err, c.want)
		})
	}
}

func TestReadInto(t *testing.T) {
	t.Parallel()
	r := smallCheckpoint().open(t, nil)
	dst := make([]byte, 12)
	require.NoError(t, r.ReadInto(context.Background(), "dense/bias", nil, dst))
	assert.Equal(t, appendFloats(nil, 1, -2, 0.5), dst)
	require.NoError(t, r.ReadInto(context.Background(), "dense/bias", Slice{{1, 2}}, dst[:8]))
	assert.Equal(t, appendFloats(nil, -2, 0.5), dst[:8])
	require.NoError(t, r.ReadInto(context.Background(), "empty", nil, nil))
}

func TestClosedReader(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, err := Open(context.Background(), smallCheckpoint().write(t), nil)
	require.NoError(t, err)
	stream, err := r.OpenTensor(ctx, "part", nil)
	require.NoError(t, err)
	mapped, release, err := r.Map(context.Background(), "part")
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())

	assert.Equal(t, appendFloats(nil, 0, 1), mapped[:8])
	require.NoError(t, release())
	_, err = r.ReadBytes(ctx, "part", nil)
	requireError(t, err, tfkeep.ErrClosed)
	_, err = stream.Read(make([]byte, 1))
	requireError(t, err, tfkeep.ErrClosed)
	require.NoError(t, stream.Close())
	_, ok := r.Lookup("part")
	assert.True(t, ok, "the index needs no file")
}

func TestCancelledReading(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	craft := smallCheckpoint()
	craft.add("large", dtype.Uint8, []int64{9 << 20}, make([]byte, 9<<20))
	r := craft.open(t, &ReaderOptions{Workers: 4})
	for _, name := range []string{"dense/bias", "part", "large"} {
		_, err := r.ReadBytes(ctx, name, nil)
		require.ErrorIs(t, err, context.Canceled, name)
		f, err := r.OpenTensor(ctx, name, nil)
		require.NoError(t, err)
		_, err = f.Read(make([]byte, 4))
		require.ErrorIs(t, err, context.Canceled, name)
	}
	_, err := r.ReadStrings(ctx, "names", nil)
	require.ErrorIs(t, err, context.Canceled)
}

// large is a tensor of several chunks, whole and partitioned. Its length is not a
// multiple of any buffer size.
func largeCheckpoint() (*crafted, []byte) {
	data := make([]byte, 3*readChunk+12345*4)
	for i := range len(data) / 4 {
		binary.LittleEndian.PutUint32(data[4*i:], uint32(i)*2654435761)
	}
	c := newCrafted()
	n := int64(len(data) / 4)
	c.add("whole", dtype.Int32, []int64{n}, data)
	cut := n/3*4 + 4
	for _, s := range []Slice{{{0, cut / 4}}, {{cut / 4, n - cut/4}}} {
		c.add(sliceKey("parts", s), dtype.Int32, []int64{s[0].Length}, data[4*s[0].Start:4*(s[0].Start+s[0].Length)])
	}
	c.set("parts", &bundleEntry{dtype: dtype.Int32, shape: []int64{n}, slices: []Slice{{{0, cut / 4}}, {{cut / 4, n - cut/4}}}})
	return c, data
}

func TestLargeTensorsAreReadInParallel(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	craft, data := largeCheckpoint()
	prefix := craft.write(t)
	for _, o := range []*ReaderOptions{nil, {Workers: 1}, {Workers: 7}, {SkipChecksums: true, Workers: 3}} {
		r, err := Open(context.Background(), prefix, o)
		require.NoError(t, err)
		for _, name := range []string{"whole", "parts"} {
			got, err := r.ReadBytes(ctx, name, nil)
			require.NoError(t, err)
			require.True(t, string(got) == string(data), name)
			mapped, release, err := r.Map(context.Background(), name)
			require.NoError(t, err)
			require.True(t, string(mapped) == string(data), name)
			require.NoError(t, release())
			s := Slice{{readChunk/4 - 3, 2 * readChunk / 4}}
			got, err = r.ReadBytes(ctx, name, s)
			require.NoError(t, err)
			require.True(t, string(got) == string(data[4*s[0].Start:][:4*s[0].Length]), name)
			f, err := r.OpenTensor(ctx, name, s)
			require.NoError(t, err)
			streamed, err := io.ReadAll(f)
			require.NoError(t, err)
			require.True(t, string(got) == string(streamed), name)
		}
		require.NoError(t, r.Close())
	}
}

func TestReadFindsDamageInLargeTensor(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	craft, _ := largeCheckpoint()
	for _, at := range []int{0, readChunk, 3*readChunk + 12345*4 - 1} {
		craft.data[0][at] ^= 1
		r := craft.open(t, &ReaderOptions{Workers: 3})
		_, err := r.ReadBytes(ctx, "whole", nil)
		requireError(t, err, tfkeep.ErrCorrupt)
		_, _, err = r.Map(context.Background(), "whole")
		requireError(t, err, tfkeep.ErrCorrupt)
		f, err := r.OpenTensor(ctx, "whole", nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, f)
		requireError(t, err, tfkeep.ErrCorrupt)
		// A slice without the damage has the same checksum as the part with it.
		_, err = r.ReadBytes(ctx, "whole", Slice{{5, 1}})
		requireError(t, err, tfkeep.ErrCorrupt)
		_, err = r.ReadBytes(ctx, "parts", nil)
		require.NoError(t, err, "the other tensor is whole")
		craft.data[0][at] ^= 1
	}
}

func TestBigEndianOfEveryWordSize(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	craft := newCrafted()
	h := wire.BundleHeader{NumShards: 1, BigEndian: true}
	craft.header = string(h.Encode())
	craft.add("i16", dtype.Int16, []int64{2}, []byte{1, 2, 3, 4})
	craft.add("f32", dtype.Float32, []int64{1}, []byte{0x3f, 0x80, 0, 0})
	craft.add("i64", dtype.Int64, nil, []byte{0, 0, 0, 0, 0, 0, 1, 2})
	craft.add("c64", dtype.Complex64, nil, []byte{0x3f, 0x80, 0, 0, 0x40, 0, 0, 0})
	craft.add("c128", dtype.Complex128, nil, append(binary.BigEndian.AppendUint64(nil, math.Float64bits(1)), binary.BigEndian.AppendUint64(nil, math.Float64bits(-2))...))
	craft.add("bool", dtype.Bool, []int64{2}, []byte{1, 0})
	text := encodeStrings(binary.BigEndian, "ab", "", "c")
	b := &bundlePart{b: &bundle{bigEndian: true}, in: &input{}, t: &TensorInfo{}, place: SliceInfo{Bytes: int64(len(text))}, count: 3}
	crc, pos, err := b.lengths(text, func(int, int) {})
	require.NoError(t, err)
	e := craft.add("text", dtype.String, []int64{3}, text)
	e.crc = maskedUpdate(crc, text[pos:])
	craft.set("text", e)

	r := craft.open(t, nil)
	check(t, r, "i16", []int16{0x0102, 0x0304})
	check(t, r, "f32", []float32{1})
	check(t, r, "i64", []int64{0x0102})
	check(t, r, "c64", []complex64{complex(1, 2)})
	check(t, r, "c128", []complex128{complex(1, -2)})
	check(t, r, "bool", []bool{true, false})
	check(t, r, "text", []string{"ab", "", "c"})
	mapped, release, err := r.Map(context.Background(), "i16")
	require.NoError(t, err)
	assert.Equal(t, []byte{2, 1, 4, 3}, mapped)
	require.NoError(t, release())
	f, err := r.OpenTensor(ctx, "c128", nil)
	require.NoError(t, err)
	streamed, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, math.Float64bits(1), binary.LittleEndian.Uint64(streamed))
}

func check[T dtype.Element](t *testing.T, r *Reader, name string, want []T) {
	t.Helper()
	got, err := Values[T](context.Background(), r, name, nil)
	require.NoError(t, err, name)
	assert.Equal(t, want, got, name)
}

func TestManyGoroutinesReadAtOnce(t *testing.T) {
	t.Parallel()
	craft := newCrafted()
	for i := range 50 {
		craft.add(fmt.Sprint(i), dtype.Uint8, []int64{1000}, make([]byte, 1000))
	}
	r := craft.open(t, nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				_, err := r.ReadBytes(context.Background(), fmt.Sprint((i+g)%50), nil)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
}

// There are more data files than Open opens with the index.
func TestManyShards(t *testing.T) {
	t.Parallel()
	const n = maxOpenAhead + 20
	craft := newCrafted()
	h := wire.BundleHeader{NumShards: n, Versions: wire.Versions{Producer: 1}}
	craft.header, craft.numShards = string(h.Encode()), n
	for i := range n {
		e := craft.add(fmt.Sprintf("t%03d", i), dtype.Uint8, nil, []byte{byte(i)})
		craft.data[i+1] = craft.data[0]
		delete(craft.data, 0)
		e.shard = i
		craft.set(fmt.Sprintf("t%03d", i), e)
	}
	data := map[int][]byte{}
	for i := range n {
		data[i] = craft.data[i+1]
	}
	craft.data = data
	r := craft.open(t, &ReaderOptions{Strict: true})
	for i := range n {
		check(t, r, fmt.Sprintf("t%03d", i), []uint8{byte(i)})
	}
}

func TestReadFailsWhenFilesShrink(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	craft, _ := largeCheckpoint()
	prefix := craft.write(t)
	r, err := Open(context.Background(), prefix, &ReaderOptions{Workers: 2})
	require.NoError(t, err)
	defer r.Close()
	f, err := r.OpenTensor(ctx, "whole", nil)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(filenames.Data(prefix, 0, 1), readChunk+5))
	_, err = r.ReadBytes(ctx, "whole", nil)
	requireError(t, err, tfkeep.ErrCorrupt)
	require.ErrorContains(t, err, "the file ends")
	_, err = io.Copy(io.Discard, f)
	requireError(t, err, tfkeep.ErrCorrupt)
	_, _, err = r.Map(context.Background(), "whole")
	requireError(t, err, tfkeep.ErrCorrupt)
}

func TestFailuresOfTheFileSystemKeepTheirKind(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad disk")
	files := fstest.MapFS{}
	for name, data := range smallCheckpoint().inMemory(t) {
		files[name] = &fstest.MapFile{Data: data}
	}
	for _, name := range []string{"m.index", "m.data-00000-of-00001"} {
		_, err := readAllIn(failingFS{files, name, bad}, nil)
		requireError(t, err, bad)
		require.NotErrorIs(t, err, tfkeep.ErrCorrupt)
	}
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "m"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.index"), files["m.index"].Data, 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "m.data-00000-of-00001"), 0o755))
	r, err := Open(context.Background(), filepath.Join(dir, "m"), nil)
	require.NoError(t, err)
	defer r.Close()
	_, err = r.ReadBytes(context.Background(), "flags", nil)
	require.ErrorContains(t, err, "is a directory")
}
