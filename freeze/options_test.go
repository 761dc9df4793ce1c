package freeze_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef/check"
)

func TestLimitsOfOptions(t *testing.T) {
	t.Parallel()
	o := &freeze.Options{Outputs: []string{"y"}}
	_, err := freeze.New(t.Context(), graph(t, linear), memory{"w": floats(2)}, o)
	require.NoError(t, err)
	o.Limits = &check.Limits{Depth: 1}
	_, err = freeze.New(t.Context(), graph(t, linear), memory{"w": floats(2)}, o)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
}
