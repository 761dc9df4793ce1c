package saver

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

func TestMismatch(t *testing.T) {
	fixed := &savergraph.Restored{Key: "b", DType: dtype.Float32, Shape: []int64{2, -1}, HasShape: true}
	_, bad := mismatch(fixed, checkpoint.TensorInfo{DType: dtype.Float32, Shape: []int64{2, 7}})
	assert.False(t, bad)
	m, bad := mismatch(fixed, checkpoint.TensorInfo{DType: dtype.Float32, Shape: []int64{3, 7}})
	assert.True(t, bad)
	assert.Equal(t, "b: Assign requires shapes of both tensors to match. lhs shape= [2,?] rhs shape= [3,7]", m.text())
	_, bad = mismatch(&savergraph.Restored{Key: "a", DType: dtype.Int32}, checkpoint.TensorInfo{DType: dtype.Int32, Shape: []int64{9}})
	assert.False(t, bad, "the graph takes any shape")
}
