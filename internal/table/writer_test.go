package table

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeparatorIsTensorFlows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b, want string }{
		{"abc", "abx", "abd"},
		{"abc", "abd", "abc"}, // no room: TensorFlow does not look further
		{"abczz", "abe", "abd"},
		{"abc", "abcd", "abc"},
		{"", "a", ""},
		{"a\xff", "b", "a\xff"},
		{"a\xffb", "a\xff\xff", "a\xffc"},
		{"the quick brown fox", "the who", "the r"},
	} {
		got := separator([]byte(c.a), []byte(c.b))
		assert.Equal(t, c.want, string(got))
		assert.LessOrEqual(t, c.a, string(got))
		assert.Less(t, string(got), c.b)
	}
}

func TestSuccessor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, want string }{{"", ""}, {"abc", "b"}, {"\xff", "\xff"}, {"\xff\xffa", "\xff\xffb"}, {"\xfe1", "\xff"}} {
		assert.Equal(t, c.want, string(successor([]byte(c.a))))
	}
}

type pair struct{ key, value []byte }

func build(t *testing.T, o *WriterOptions, pairs []pair) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, o)
	for _, p := range pairs {
		require.NoError(t, w.Add(p.key, p.value))
	}
	require.NoError(t, w.Close())
	require.Equal(t, int64(b.Len()), w.Size())
	return b.Bytes()
}

func TestWhatIsWrittenReads(t *testing.T) {
	t.Parallel()
	var pairs []pair
	for i := range 3000 {
		pairs = append(pairs, pair{fmt.Appendf(nil, "key/%06d", i*7), bytes.Repeat([]byte{byte(i)}, i%300)})
	}
	for _, c := range []struct {
		name  string
		opts  *WriterOptions
		pairs []pair
	}{
		{"empty", nil, nil},
		{"one empty entry", nil, []pair{{nil, nil}}},
		{"many", nil, pairs},
		{"small blocks", &WriterOptions{BlockSize: 100}, pairs},
		{"every key whole", &WriterOptions{RestartInterval: 1}, pairs},
		{"long runs", &WriterOptions{RestartInterval: 1000}, pairs},
		{"compressed", &WriterOptions{Compress: func(b []byte) []byte { return snappy.Encode(nil, b) }}, pairs},
		{"larger than a block", nil, []pair{{[]byte("a"), make([]byte, 10)}, {[]byte("b"), make([]byte, 600<<10)}, {[]byte("c"), make([]byte, 10)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := build(t, c.opts, c.pairs)
			r, err := NewReader(bytes.NewReader(data), int64(len(data)), &ReaderOptions{Strict: true})
			require.NoError(t, err)
			i := 0
			for e, err := range r.All() {
				require.NoError(t, err)
				require.Equal(t, string(c.pairs[i].key), string(e.Key))
				require.Equal(t, string(c.pairs[i].value), string(e.Value))
				i++
			}
			assert.Equal(t, len(c.pairs), i)
		})
	}
}

// An entry of twice the size of a block gets a block of its own.
func TestALargeEntryHasItsOwnBlock(t *testing.T) {
	t.Parallel()
	data := build(t, &WriterOptions{BlockSize: 100}, []pair{{[]byte("a"), []byte("x")}, {[]byte("b"), make([]byte, 199)}, {[]byte("c"), []byte("y")}})
	r, err := NewReader(bytes.NewReader(data), int64(len(data)), nil)
	require.NoError(t, err)
	assert.Equal(t, 3, r.NumBlocks())
}

func TestKeysMustRise(t *testing.T) {
	t.Parallel()
	for _, second := range []string{"b", "a", ""} {
		w := NewWriter(&bytes.Buffer{}, nil)
		require.NoError(t, w.Add([]byte("b"), nil))
		require.ErrorIs(t, w.Add([]byte(second), nil), ErrKeyOrder)
		require.ErrorIs(t, w.Add([]byte("c"), nil), ErrKeyOrder)
		require.ErrorIs(t, w.Close(), ErrKeyOrder)
	}
}

// failingWriter fails after some bytes.
type failingWriter struct{ left int }

var errFull = errors.New("full")

func (f *failingWriter) Write(p []byte) (int, error) {
	if len(p) > f.left {
		n := f.left
		f.left = 0
		return n, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

func TestEveryFailedWriteIsReported(t *testing.T) {
	t.Parallel()
	pairs := []pair{{[]byte("a"), make([]byte, 60)}, {[]byte("b"), make([]byte, 60)}, {[]byte("c"), make([]byte, 60)}}
	total := len(build(t, &WriterOptions{BlockSize: 64}, pairs))
	for limit := range total {
		w := NewWriter(&failingWriter{left: limit}, &WriterOptions{BlockSize: 64})
		for _, p := range pairs {
			_ = w.Add(p.key, p.value)
		}
		require.ErrorIs(t, w.Close(), errFull, "limit %d of %d", limit, total)
	}
}
