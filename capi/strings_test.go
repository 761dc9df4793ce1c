package capi_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/status"
)

func TestStringsOfAnyShape(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 1000)
	for _, c := range []struct {
		shape    []int64
		elements [][]byte
	}{
		{nil, [][]byte{[]byte("scalar")}},
		{[]int64{0}, [][]byte{}},
		{[]int64{2, 0, 3}, [][]byte{}},
		{[]int64{2, 2}, [][]byte{[]byte("a"), {}, long, {0, 255}}},
	} {
		before := live.Now().Tensors
		v, err := capi.NewStrings(c.shape, c.elements)
		require.NoError(t, err)
		assert.Equal(t, c.shape, v.Shape())
		got, err := capi.Strings(v)
		require.NoError(t, err)
		assert.Equal(t, c.elements, got)
		capi.Release(v)
		assert.Equal(t, before, live.Now().Tensors)
		_, err = capi.Strings(v)
		assert.ErrorIs(t, err, status.InvalidArgument)
	}
	_, err := capi.NewStrings([]int64{3}, make([][]byte, 2))
	assert.ErrorIs(t, err, status.InvalidArgument)
}
