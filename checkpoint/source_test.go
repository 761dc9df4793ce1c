package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// plainFS has files that can be read, and perhaps seeked, but not read at an offset.
type plainFS struct {
	fs.FS
	seeks bool
	limit int // how often a file may be opened
	opens *int
}

func (p plainFS) Open(name string) (fs.File, error) {
	if *p.opens++; *p.opens > p.limit {
		return nil, errors.New("opened too often")
	}
	f, err := p.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if p.seeks {
		return struct {
			fs.File
			io.Seeker
		}{f, f.(io.Seeker)}, nil
	}
	return struct{ fs.File }{f}, nil
}

func TestForwardReader(t *testing.T) {
	t.Parallel()
	text := []byte("0123456789")
	for _, seeks := range []bool{false, true} {
		opens := 0
		fsys := plainFS{fstest.MapFS{"f": {Data: text}}, seeks, 2, &opens}
		in, err := openInput(fsys, "f")
		require.NoError(t, err)
		for _, c := range []struct {
			off  int64
			size int
			want string
			err  error
		}{{2, 3, "234", nil}, {7, 2, "78", nil}, {0, 1, "0", nil}, {8, 4, "89", io.EOF}, {10, 1, "", io.EOF}} {
			p := make([]byte, c.size)
			n, err := in.ReadAt(p, c.off)
			assert.Equal(t, c.err, err)
			assert.Equal(t, c.want, string(p[:n]))
		}
		if !seeks {
			assert.Equal(t, 2, opens, "going back opens the file once more")
			_, err = in.ReadAt(make([]byte, 1), 0)
			require.ErrorContains(t, err, "too often")
			_, err = in.ReadAt(make([]byte, 1), 0)
			require.ErrorContains(t, err, "too often")
		}
		require.NoError(t, in.Close())
	}
}

var errBadDisk = errors.New("bad disk")

func TestUnreadableDirectories(t *testing.T) {
	t.Parallel()
	_, err := openFS(failingStat{fstest.MapFS{}}, "m", nil)
	require.ErrorIs(t, err, errBadDisk)
}

type failingStat struct{ fs.FS }

func (failingStat) Stat(string) (fs.FileInfo, error) { return nil, errBadDisk }

// The tensor has so many strings that their lengths are summed in batches and read in
// chunks.
func TestManyAndLongStrings(t *testing.T) {
	t.Parallel()
	elems := make([]string, 5000)
	for i := range elems {
		elems[i] = fmt.Sprint(i)
	}
	elems[77] = strings.Repeat("long", readChunk/4)
	craft := newCrafted()
	craft.addStrings("s", []int64{50, 100}, elems...)
	for _, o := range []*ReaderOptions{nil, {SkipChecksums: true}} {
		check(t, craft.open(t, o), "s", elems)
	}
}

// The checksum takes the length of a string of 4 GiB or more as eight bytes, and
// shorter ones as four. The file is a hole.
func TestReadStringAbove4GiB(t *testing.T) {
	t.Parallel()
	if !canMap {
		t.Skip("needs memory-mapped files: without, 4 GiB of memory")
	}
	const length = 1<<32 + 5
	head := binary.AppendUvarint(nil, length)
	head = append(head, 3) // the second string
	sums := binary.LittleEndian.AppendUint64(nil, length)
	sums = binary.LittleEndian.AppendUint32(sums, 3)

	name := filepath.Join(t.TempDir(), "hole")
	require.NoError(t, os.WriteFile(name, head, 0o644))
	size := int64(len(head)) + 4 + length + 3
	require.NoError(t, os.Truncate(name, size))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	data, release, err := mapFile(f, 0, size)
	require.NoError(t, err)
	defer func() { require.NoError(t, release()) }()

	p := &bundlePart{b: &bundle{}, in: &input{}, t: &TensorInfo{}, place: SliceInfo{Bytes: size}, count: 2}
	var lengths []int
	crc, pos, err := p.lengths(data, func(_, n int) { lengths = append(lengths, n) })
	require.NoError(t, err)
	assert.Equal(t, []int{length, 3}, lengths)
	assert.Equal(t, len(head), pos)
	assert.Equal(t, crc32c.Checksum(sums), crc)
}
