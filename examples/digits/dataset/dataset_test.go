package dataset_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
)

func TestLoad(t *testing.T) {
	train, test, err := dataset.Load()
	require.NoError(t, err)
	assert.Equal(t, 1437, train.Len())
	assert.Equal(t, 360, test.Len())
	var counts [dataset.Classes]int
	for _, set := range []dataset.Set{train, test} {
		require.Len(t, set.Labels, set.Len())
		for i, image := range set.Images {
			require.Len(t, image, dataset.Pixels)
			for _, pixel := range image {
				require.True(t, 0 <= pixel && pixel <= 16)
			}
			counts[set.Labels[i]]++
		}
	}
	// The counts of the UCI repository.
	assert.Equal(t, [dataset.Classes]int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}, counts)
}

func TestBatches(t *testing.T) {
	train, _, err := dataset.Load()
	require.NoError(t, err)
	const size = 100
	seen := map[*float32]bool{}
	for n := range train.Len() / size {
		batch := train.Batch(n, size)
		assert.Equal(t, batch, train.Batch(n, size))
		for _, image := range batch.Images {
			assert.False(t, seen[&image[0]], "an image appears twice in a pass")
			seen[&image[0]] = true
		}
	}
	assert.NotEqual(t, train.Batch(0, size), train.Batch(train.Len()/size, size), "the next pass has another order")
}

func Example() {
	train, _, err := dataset.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("This is a", train.Labels[3])
	for row := range 8 {
		line := "|"
		for _, pixel := range train.Images[3][row*8:][:8] {
			line += string(" .:-=+*#@"[int(pixel)/2])
		}
		fmt.Println(line + "|")
	}
	// Output:
	// This is a 4
	// |    +   |
	// |   -=   |
	// |   *-.. |
	// |  -# == |
	// | :@+ @- |
	// | :#@*@  |
	// |   .#+  |
	// |   .@:  |
}
