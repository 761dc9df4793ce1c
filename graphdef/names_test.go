package graphdef_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
)

func TestTensorNamesFollowTensorFlow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, node string
		output     int
		says       string
	}{
		{"foo:0", "foo", 0, ""}, {"foo:7", "foo", 7, ""}, {"foo", "foo", 0, ""},
		{"A:B:0", "", 0, "Cannot convert 'A:B:0' to a tensor name."},
		{"a:b", "", 0, "should be an int. Got b."}, {"a:-1", "", 0, "should be an int"},
	} {
		node, output, err := graphdef.ParseTensorName(c.name)
		if c.says != "" {
			assert.ErrorContains(t, err, c.says)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.node, node)
		assert.Equal(t, c.output, output)
	}
}
