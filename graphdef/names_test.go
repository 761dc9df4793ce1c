package graphdef_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func TestScopeNamesFollowTensorFlow(t *testing.T) {
	t.Parallel()
	cases := []string{"a", "s/a", "s/a:0", "^s/a", "loc:@s/a", "^a", "sa/b", "s", "s///a", "x/s/a", "loc:@a"}
	want := oracle.Value[[][]string](t, `
from tensorflow.python.framework import ops
result = [[ops.strip_name_scope(n, s), ops.prepend_name_scope(n, s)] for n in args[0] for s in ("s", "s/", "")]
`, cases)
	var got [][]string
	for _, name := range cases {
		for _, scope := range []string{"s", "s/", ""} {
			got = append(got, []string{graphdef.StripNameScope(name, scope), graphdef.PrependNameScope(name, scope)})
		}
	}
	assert.Equal(t, want, got)
}

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
