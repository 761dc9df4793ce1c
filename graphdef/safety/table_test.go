package safety_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
)

// A newer TensorFlow's new ops are refused until somebody adds them to ops.txt.
func TestEveryOpIsReviewed(t *testing.T) {
	t.Parallel()
	reviewed := slices.Sorted(maps.Keys(safety.OpsOfTable()))
	assert.Equal(t, opdef.Builtin().Names(), reviewed, "ops.txt must have each op of TensorFlow once, and no other")
	for _, op := range reviewed {
		verdict, reason := safety.Lookup(op)
		assert.Contains(t, []safety.Verdict{safety.Load, safety.Asset, safety.Call, safety.Refuse}, verdict, op)
		assert.NotEmpty(t, reason, op)
	}
	verdict, reason := safety.Lookup("OpOfTensorFlow9")
	assert.Equal(t, safety.Refuse, verdict)
	assert.Equal(t, "it has not been reviewed", reason)
}
