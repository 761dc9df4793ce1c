package saver

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The graph of 100,000 variables has 1,000,000 nodes and 235 MB. It is not made anew for each
// save; one with large constants is, for the sake of memory.
func TestLargeGraphsAreKeptForTheNextSave(t *testing.T) {
	t.Parallel()
	assert.True(t, worthKeeping(1<<20, 10))
	assert.True(t, worthKeeping(235_000_000, 1_000_000))
	assert.False(t, worthKeeping(235_000_000, 1000))
}
