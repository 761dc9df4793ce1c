package checkpoint

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
)

func TestSliceSpecs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec  string
		shape []int64
		slice Slice
	}{
		{"", nil, nil},
		{"4 16 0,2:-", []int64{4, 16}, Slice{{0, 2}, {0, FullExtent}}},
		{"4 3 0,2:0,3", []int64{4, 3}, Slice{{0, 2}, {0, 3}}},
		{"5 -", []int64{5}, Slice{{0, FullExtent}}},
		{"0 -", []int64{0}, Slice{{0, FullExtent}}},
	} {
		shape, slice, err := ParseSliceSpec(c.spec)
		require.NoError(t, err, c.spec)
		assert.Equal(t, c.shape, shape)
		assert.Equal(t, c.slice, slice)
		assert.Equal(t, c.spec, FormatSliceSpec(shape, slice))
	}
	for _, spec := range []string{
		"4", "0,2", " ", "x -", "-1 -", "4 ", "4 0", "4 0,", "4 ,1", "4 0,0", "4 -1,2", "4 0,5", "4 4,1", "4 0,-1",
		"4 -:-", "4 4 -", "4 0,1,2", "4  -", "9999999999999999999 -", "4 9223372036854775807,1",
	} {
		_, _, err := ParseSliceSpec(spec)
		require.ErrorIs(t, err, tfkeep.ErrMismatch, "%q", spec)
	}
}

func TestSlices(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "-:-:-", fullSlice(3).String())
	assert.Equal(t, "", fullSlice(0).String())
	assert.True(t, fullSlice(2).IsFull())
	assert.False(t, Slice{{0, FullExtent}, {0, 5}}.IsFull(), "a slice does not know the shape")
	s, err := ParseSlice("")
	require.NoError(t, err)
	assert.Equal(t, Slice{}, s)

	// The shape of a slice: TensorFlow's own example.
	s, err = ParseSlice("1,1:-:4,1:2,6")
	require.NoError(t, err)
	shape, err := s.Shape([]int64{2, 4, 5, 8})
	require.NoError(t, err)
	assert.Equal(t, []int64{1, 4, 1, 6}, shape)
	_, err = s.Shape([]int64{2, 4, 4, 8})
	require.ErrorIs(t, err, tfkeep.ErrMismatch)

	box, err := Slice(nil).resolve([]int64{2, 3})
	require.NoError(t, err)
	assert.Equal(t, Slice{{0, 2}, {0, 3}}, box)
	for _, bad := range []Slice{{{-1, 1}}, {{0, -2}}, {{3, 1}}, {{0, math.MaxInt64}}, {{math.MaxInt64, 1}}, {{1, FullExtent}}} {
		_, err := bad.resolve([]int64{3})
		require.ErrorIs(t, err, tfkeep.ErrMismatch, "%v", bad)
	}
}
