package saver

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBatchesAlternateLanes(t *testing.T) {
	lanes := []int{0, 0, 0, 1, 1, 2}
	lane := func(i int) int { return lanes[i] }
	for _, test := range []struct {
		name  string
		sizes []int64
		limit int64
		want  [][]int
	}{
		{"all fit", []int64{1, 1, 1, 1, 1, 1}, 10, [][]int{{0, 1, 2}, {3, 4}, {5}}},
		{"full batches", []int64{5, 5, 1, 10, 1, 11}, 10, [][]int{{0, 1}, {3}, {5}, {2}, {4}}},
		{"the large ones alone", []int64{1, 99, 1, 99, 99, 99}, 10, [][]int{{0}, {3}, {5}, {1}, {4}, {2}}},
		{"nothing has a size", []int64{0, 0, 0, 0, 0, 0}, 1, [][]int{{0, 1, 2}, {3, 4}, {5}}},
		{"eight unknown are a lot", []int64{-1, -1, 70, -1, 71, -1}, 80, [][]int{{0, 1}, {3}, {5}, {2}, {4}}},
	} {
		assert.Equal(t, test.want, inBatches(test.sizes, lane, test.limit), test.name)
	}
	assert.Empty(t, inBatches(nil, lane, 10))
}

func TestBatchesGrowWithModel(t *testing.T) {
	const MiB, GiB = 1 << 20, 1 << 30
	var o *GatherOptions
	for total, want := range map[int64]int64{0: 16 * MiB, 4 * GiB: 16 * MiB, 8 * GiB: 32 * MiB, 1000 * GiB: 64 * MiB} {
		assert.Equal(t, want, o.batchBytes(total), total)
	}
	o = &GatherOptions{BatchBytes: 5}
	assert.Equal(t, int64(5), o.batchBytes(1000*GiB))
}
