package capi_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/status"
)

func TestReleaseTwice(t *testing.T) {
	before := settled(live.Counts{})
	v, err := tensorflow.NewTensor([]float32{1, 2})
	require.NoError(t, err)
	capi.Adopt(v)
	assert.Equal(t, before.Tensors+1, live.Now().Tensors)
	assert.False(t, capi.Released(v))
	capi.Release(v)
	capi.Release(v)
	capi.Release(nil)
	capi.Release(new(tensorflow.Tensor))
	assert.True(t, capi.Released(v))
	assert.Equal(t, before, live.Now())
	// What is left is empty, and safe to look at.
	assert.Equal(t, []uint8{}, v.Value())
	assert.Empty(t, v.TensorData())
	assert.Equal(t, []int64{0}, v.Shape())
}

func TestReleaseBindingTensor(t *testing.T) {
	before := settled(live.Counts{})
	v, err := tensorflow.NewTensor([]float32{1, 2})
	require.NoError(t, err)
	capi.Release(v)
	assert.True(t, capi.Released(v))
	assert.Equal(t, before, live.Now(), "it was not counted before either")
}

func TestCollectorFreesTensors(t *testing.T) {
	before := settled(live.Counts{})
	for range 10 {
		v, err := capi.AllocateTensor(dtype.Float32, []int64{2})
		require.NoError(t, err)
		runtime.KeepAlive(v)
	}
	assert.Equal(t, before, settled(before))
}

func TestAllocateTensorRefusesBadShapes(t *testing.T) {
	for _, c := range []struct {
		dt    dtype.DataType
		shape []int64
	}{
		{dtype.String, []int64{1}},
		{dtype.Resource, nil},
		{dtype.DataType(9999), []int64{1}},
		{dtype.Float32, []int64{-1}},
		{dtype.Float32, []int64{1 << 40, 1 << 40}},
		{dtype.Float32, []int64{1 << 58}},
	} {
		_, err := capi.AllocateTensor(c.dt, c.shape)
		require.Error(t, err, "%v %v", c.dt, c.shape)
	}
	v, err := capi.AllocateTensor(dtype.Float32, []int64{0, 1 << 40})
	require.NoError(t, err)
	assert.Empty(t, v.TensorData())
	capi.Release(v)
}

// mapped is page-aligned memory outside Go, as a mapped file is.
func mapped(t *testing.T, size int) []byte {
	t.Helper()
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	return memory
}

func TestForeignTensorSharesAlignedMemory(t *testing.T) {
	memory := mapped(t, 4096)
	copy(memory, []byte{0, 0, 128, 63, 0, 0, 0, 64}) // 1, 2
	var released atomic.Int32
	release := func() {
		assert.NoError(t, unix.Munmap(memory))
		released.Add(1)
	}
	v, err := capi.ForeignTensor(dtype.Float32, []int64{2}, memory[:8:8], release)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2}, v.Value())
	assert.Equal(t, &memory[0], &v.TensorData()[0], "not copied")
	assert.EqualValues(t, 1, live.Now().Foreign)
	assert.Zero(t, released.Load())
	capi.Release(v)
	assert.EqualValues(t, 1, released.Load())
	assert.Zero(t, live.Now().Foreign)
}

func TestForeignTensorCopiesUnalignedMemory(t *testing.T) {
	memory := mapped(t, 4096)
	defer func() { assert.NoError(t, unix.Munmap(memory)) }()
	copy(memory[4:], []byte{0, 0, 128, 63})
	released := 0
	v, err := capi.ForeignTensor(dtype.Float32, []int64{1}, memory[4:8], func() { released++ })
	require.NoError(t, err)
	defer capi.Release(v)
	assert.Equal(t, 1, released, "given back as soon as it was copied")
	assert.Equal(t, []float32{1}, v.Value())
}

func TestForeignTensorRefusesWrongSize(t *testing.T) {
	memory := mapped(t, 4096)
	defer func() { assert.NoError(t, unix.Munmap(memory)) }()
	for _, shape := range [][]int64{{1}, {3}, {-2}} {
		_, err := capi.ForeignTensor(dtype.Float32, shape, memory[:8], func() { t.Error("released after an error") })
		require.ErrorIs(t, err, status.InvalidArgument)
	}
	_, err := capi.ForeignTensor(dtype.String, []int64{1}, memory[:8], nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	assert.Zero(t, live.Now().Foreign)

	released := false
	v, err := capi.ForeignTensor(dtype.Float32, []int64{0}, nil, func() { released = true })
	require.NoError(t, err)
	assert.True(t, released)
	capi.Release(v)
}
