package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
)

// smallCheckpoint has a bit of everything.
func smallCheckpoint() *crafted {
	c := newCrafted()
	c.add("dense/bias", dtype.Float32, []int64{3}, appendFloats(nil, 1, -2, 0.5))
	c.add("dense/kernel", dtype.BFloat16, []int64{2, 3}, []byte{0x80, 0x3f, 0, 0x40, 0x40, 0x40, 0x80, 0x40, 0, 0, 0, 0x80})
	c.add("empty", dtype.Int32, []int64{0, 4}, nil)
	c.add("flags", dtype.Bool, []int64{2}, []byte{0, 1})
	c.add("global_step", dtype.Int64, nil, []byte{7, 0, 0, 0, 0, 0, 0, 0})
	c.addStrings("names", []int64{3}, "a", "", "longer")
	c.addPartitioned("part", Slice{{0, 2}, {0, FullExtent}}, Slice{{2, 2}, {0, FullExtent}})
	return c
}

// inMemory returns the files of a checkpoint with the prefix "m".
func (c *crafted) inMemory(t testing.TB) map[string][]byte {
	files := map[string][]byte{filenames.Index("m"): c.indexBytes(t)}
	for shard, data := range c.data {
		files[filenames.Data("m", shard, c.numShards)] = data
	}
	return files
}

func smallV1Checkpoint(t testing.TB) map[string][]byte {
	prefix := filepath.Join(t.TempDir(), "m")
	w, err := Create(context.Background(), prefix, &WriterOptions{Version: V1})
	require.NoError(t, err)
	for _, x := range []Tensor{
		{Name: "bias", DType: dtype.Float32, Shape: []int64{3}, Data: appendFloats(nil, 1, -2, 0.5)},
		{Name: "counts", DType: dtype.Int32, Shape: []int64{2}, Data: []byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}},
		{Name: "names", DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{[]byte("a"), []byte("bc")}},
		{Name: "part", DType: dtype.Float32, Shape: []int64{2, 2}, Slice: Slice{{0, 1}, {0, FullExtent}}, Data: appendFloats(nil, 1, 2)},
		{Name: "part", DType: dtype.Float32, Shape: []int64{2, 2}, Slice: Slice{{1, 1}, {0, FullExtent}}, Data: appendFloats(nil, 3, 4)},
	} {
		require.NoError(t, w.Add(context.Background(), x))
	}
	require.NoError(t, w.Commit(context.Background()))
	require.NoError(t, w.Close())
	file, err := os.ReadFile(prefix)
	require.NoError(t, err)
	return map[string][]byte{"m": file}
}

// readFS opens the checkpoint m in a file system and reads all its tensors.
func readFS(files map[string][]byte, o *ReaderOptions) (map[string]any, error) {
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return readAllIn(fsys, o)
}

func readAllIn(fsys fs.FS, o *ReaderOptions) (map[string]any, error) {
	r, err := openFS(fsys, "m", o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	values := map[string]any{}
	ctx := context.Background()
	for info := range r.Tensors() {
		if info.DType == dtype.String {
			values[info.Name], err = r.ReadStrings(ctx, info.Name, nil)
		} else {
			values[info.Name], err = r.ReadBytes(ctx, info.Name, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// A flipped bit never changes a value, and strict mode always finds it. A file that is
// cut to any length is refused.
func TestFlippedBitsAndCutsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version Version
		files   map[string][]byte
	}{
		{V2, smallCheckpoint().inMemory(t)},
		{V1, smallV1Checkpoint(t)},
	} {
		t.Run(c.version.String(), func(t *testing.T) {
			good, err := readFS(c.files, &ReaderOptions{Strict: true})
			require.NoError(t, err)
			bits, seen := 0, 0
			for name, file := range c.files {
				for bit := range 8 * len(file) {
					bad := bytes.Clone(file)
					bad[bit/8] ^= 1 << (bit % 8)
					damaged := withFile(c.files, name, bad)
					bits++

					_, err := readFS(damaged, &ReaderOptions{Strict: true})
					require.Error(t, err, "strict: %s, bit %d", name, bit)
					got, err := readFS(damaged, nil)
					if err == nil {
						require.Equal(t, good, got, "%s, bit %d", name, bit)
						continue
					}
					seen++
					requireError(t, err, kindOf(err))
				}
				for n := range file {
					_, err := readFS(withFile(c.files, name, file[:n]), nil)
					require.Error(t, err, "%s cut to %d bytes", name, n)
				}
			}
			t.Logf("%d of %d flipped bits are errors, the others change nothing; in strict mode all are errors", seen, bits)
		})
	}
}

func withFile(files map[string][]byte, name string, data []byte) map[string][]byte {
	out := map[string][]byte{}
	for n, d := range files {
		out[n] = d
	}
	out[name] = data
	return out
}

// kindOf returns the kind of an error. Damage has three kinds.
func kindOf(err error) error {
	for _, kind := range []error{tfkeep.ErrCorrupt, tfkeep.ErrUnsupported, tfkeep.ErrNotFound} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return tfkeep.ErrCorrupt
}

// A large index has several blocks. Damage to any of them is an error that names the
// block. TensorFlow skips the block and loses its tensors without an error.
func TestDamagedBlockOfALargeIndexIsNamed(t *testing.T) {
	t.Parallel()
	craft := newCrafted()
	w := craft.add("w", dtype.Float32, nil, appendFloats(nil, 1))
	for i := range 30000 {
		craft.set(fmt.Sprintf("some/quite/long/scope/of/a/model/layer_%05d/kernel/Momentum", i), w)
	}
	var out bytes.Buffer
	out.Write(craft.indexBytes(t))
	file := out.Bytes()
	tab, err := table.NewReader(bytes.NewReader(file), int64(len(file)), nil)
	require.NoError(t, err)
	require.Greater(t, tab.NumBlocks(), 3)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range tab.NumBlocks() {
		for range 3 {
			bad := bytes.Clone(file)
			at := tab.BlockOffset(i) + random.Int64N(tab.BlockSize(i))
			bad[at] ^= 1 << random.IntN(8)
			_, err := openFS(fstest.MapFS{"m.index": {Data: bad}}, "m", nil)
			requireError(t, err, tfkeep.ErrCorrupt)
			var e *tfkeep.Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Detail, fmt.Sprintf("block %d:", i))
			assert.Equal(t, tab.BlockOffset(i), offsetOf(err))
			assert.Equal(t, "m.index", e.Path)
		}
	}
}

// Damage with right checksums, as an attacker makes it: whatever is changed, there is
// no panic, and no tensor is lost without an error.
func TestMutationsWithRightChecksums(t *testing.T) {
	t.Parallel()
	craft := smallCheckpoint()
	files := craft.inMemory(t)
	index := files["m.index"]
	tab, err := table.NewReader(bytes.NewReader(index), int64(len(index)), nil)
	require.NoError(t, err)
	size := int(tab.BlockSize(0))
	names := 7
	refused, accepted := 0, 0
	try := func(what string, mutate func(block []byte)) {
		bad := bytes.Clone(index)
		mutate(bad[:size])
		crc := crc32c.Checksum(bad[:size+1])
		binary.LittleEndian.PutUint32(bad[size+1:], crc32c.Mask(crc))
		got, err := readFS(withFile(files, "m.index", bad), nil)
		if err != nil {
			refused++
			requireError(t, err, kindOf(err))
			return
		}
		accepted++
		require.Len(t, got, names, what)
	}
	for bit := range 8 * size {
		try(fmt.Sprintf("bit %d", bit), func(b []byte) { b[bit/8] ^= 1 << (bit % 8) })
	}
	for i := range size {
		for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			try(fmt.Sprintf("byte %d = %#x", i, v), func(b []byte) { b[i] = v })
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	for n := range 20000 {
		try(fmt.Sprintf("random %d", n), func(b []byte) {
			for range 1 + random.IntN(4) {
				b[random.IntN(len(b))] = byte(random.Uint32())
			}
		})
	}
	t.Logf("%d refused, %d accepted with all %d tensors", refused, accepted, names)
}

func TestMutationsOfV1WithRightChecksums(t *testing.T) {
	t.Parallel()
	files := smallV1Checkpoint(t)
	file := files["m"]
	tab, err := table.NewReader(bytes.NewReader(file), int64(len(file)), nil)
	require.NoError(t, err)
	size := int(tab.BlockSize(0))
	random := rand.New(rand.NewPCG(7, 8))
	for n := range 8*size + 20000 {
		bad := bytes.Clone(file)
		if n < 8*size {
			bad[n/8] ^= 1 << (n % 8)
		} else {
			for range 1 + random.IntN(4) {
				bad[random.IntN(size)] = byte(random.Uint32())
			}
		}
		binary.LittleEndian.PutUint32(bad[size+1:], crc32c.Mask(crc32c.Checksum(bad[:size+1])))
		for _, o := range []*ReaderOptions{nil, {Strict: true}} {
			got, err := readFS(withFile(files, "m", bad), o)
			if err != nil {
				requireError(t, err, kindOf(err))
				continue
			}
			require.Len(t, got, 4)
		}
	}
}

// The longest and the shortest names, with all bytes in them.
func TestNamesOfAnyBytes(t *testing.T) {
	t.Parallel()
	craft := newCrafted()
	names := []string{"\x01", " ", "ä", "\xff\xfe", strings.Repeat("n", 70000), "a\x00b", "\x00odd", "\x00"}
	for _, name := range names {
		craft.add(name, dtype.Uint8, nil, []byte{1})
	}
	got, err := readFS(craft.inMemory(t), &ReaderOptions{Strict: true})
	require.NoError(t, err)
	assert.Len(t, got, len(names))
	for _, name := range names {
		assert.Equal(t, []byte{1}, got[name], "%.20q", name)
	}
}
