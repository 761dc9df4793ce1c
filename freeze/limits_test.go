package freeze_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestFreezeTakesLimits(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor {
		dtype: DT_FLOAT tensor_shape { dim { size: 1073741824 } } float_val: 1 } } } }`)
	_, err := freeze.New(t.Context(), g, nil, &freeze.Options{Outputs: []string{"c"}})
	require.NotErrorIs(t, err, tfkeep.ErrTooLarge, "nothing is imported")
	_, err = freeze.New(t.Context(), g, nil, &freeze.Options{Outputs: []string{"c"}, Limits: &check.Limits{}})
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	require.ErrorContains(t, err, "Limits.Bytes")
}
