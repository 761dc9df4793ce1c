package capi_test

import (
	"fmt"
	"slices"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
)

// TestLargeGroupIsLikeASmallOne adds groups on both sides of the number from which they are
// imported, and compares the nodes and the versions of the graphs.
func TestLargeGroupIsLikeASmallOne(t *testing.T) {
	for _, n := range []int{999, 1000, 1500} {
		g := tensorflow.NewGraph()
		before, err := capi.Versions(g)
		require.NoError(t, err)
		spec := tensorflow.OpSpec{Type: "NoOp", Name: "group", Device: "/device:CPU:0"}
		var want []string
		for i := range n {
			op := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: fmt.Sprintf("op%04d", n-i)})
			spec.ControlDependencies = append(spec.ControlDependencies, op)
			want = append(want, "^"+op.Name())
		}
		group, err := capi.AddOperation(g, spec)
		require.NoError(t, err)
		assert.Equal(t, "group", group.Name())
		assert.Equal(t, "/device:CPU:0", group.Device())
		def, err := capi.NodeDef(group)
		require.NoError(t, err)
		got := def.GetInput()
		slices.Sort(got)
		slices.Sort(want)
		assert.Equal(t, want, got)
		assert.Empty(t, def.GetAttr())
		after, err := capi.Versions(g)
		require.NoError(t, err)
		assert.Equal(t, before, after)

		_, err = capi.AddOperation(g, spec)
		require.Error(t, err, "the name is taken")
		assert.Contains(t, err.Error(), "group")
	}
}
