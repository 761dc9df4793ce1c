package namescope_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/internal/namescope"
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
			got = append(got, []string{namescope.Strip(name, scope), namescope.Prepend(name, scope)})
		}
	}
	assert.Equal(t, want, got)
}
