package namelist_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/internal/namelist"
)

func TestSomeCutsLongLists(t *testing.T) {
	t.Parallel()
	assert.Empty(t, namelist.Some(nil, 2))
	assert.Equal(t, "a, b", namelist.Some([]string{"a", "b"}, 2))
	assert.Equal(t, "a, b and 2 more", namelist.Some([]string{"a", "b", "c", "d"}, 2))
}
