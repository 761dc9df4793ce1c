package checkpoint

import (
	"math"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSliceKeyBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		slice Slice
		key   string
	}{
		{"w", Slice{{0, FullExtent}, {0, 1}}, "\x00w\x00\x01\x01\x02\x80\x7f\x80\x81"},
		{"", Slice{}, "\x00\x00\x01\x00"},
		{"a\x00\xffb", Slice{{63, 64}}, "\x00a\x00\xff\xff\x00b\x00\x01\x01\x01\xbf\xc0\x40"},
		{"big", Slice{{0x424242, 1}}, "\x00big\x00\x01\x01\x01\xf0\x42\x42\x42\x81"},
	} {
		assert.Equal(t, c.key, string(appendSliceKey(nil, c.name, c.slice)))
		name, slice, ok := parseSliceKey([]byte(c.key))
		assert.True(t, ok)
		assert.Equal(t, c.name, name)
		assert.Equal(t, c.slice, slice)
	}
}

func TestSliceKeysOfAllNumbersReturnAndSort(t *testing.T) {
	t.Parallel()
	numbers := []int64{math.MinInt64, math.MaxInt64, 0, -1}
	for shift := range 63 {
		for d := int64(-1); d <= 1; d++ {
			numbers = append(numbers, int64(1)<<shift+d, -(int64(1)<<shift)+d)
		}
	}
	sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })
	var last string
	for i, n := range numbers {
		key := string(appendSliceKey(nil, "x", Slice{{n, n}}))
		_, s, ok := parseSliceKey([]byte(key))
		require.True(t, ok, "%d", n)
		assert.Equal(t, Slice{{n, n}}, s)
		if i > 0 && numbers[i-1] < n {
			assert.Less(t, last, key, "%d", n)
		}
		last = key
	}
}

func TestSliceKeyRejectsWhatIsNone(t *testing.T) {
	t.Parallel()
	good := appendSliceKey(nil, "w\x00\xff", Slice{{300, 1 << 40}, {0, FullExtent}})
	for i := range good {
		_, _, ok := parseSliceKey(good[:i])
		assert.False(t, ok, "cut at %d", i)
	}
	for _, key := range []string{
		"", "w", "\x00w", "\x00w\x00", "\x00w\x00\x02\x00", "\x00w\xff\xff\x00\x01\x00",
		"\x00w\x00\x01\x09",                     // a number of nine bytes
		"\x00w\x00\x01\x01\x00",                 // a number with a leading zero
		"\x00w\x00\x01\x02\x01\x00",             // rank 256
		"\x00w\x00\x01\x01\x01\xc0\x00\x81",     // a start in more bytes than it needs
		"\x00w\x00\x01\x01\x01\x80\x81\x80",     // bytes after the end
		"\x00w\x00\x01\x01\x01\xff\xff\x80\x81", // a start of more than 64 bits
		"\x00w\x00\x01\x01\x01\xff\xf0\x00\x00\x00\x00\x00\x00\x00\x01\x81",
	} {
		_, _, ok := parseSliceKey([]byte(key))
		assert.False(t, ok, "%q", key)
	}
}
