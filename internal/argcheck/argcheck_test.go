package argcheck_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
)

func TestContextMustExistAndGoOn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, argcheck.Context(ctx, "read", "file"))
	cancel()
	require.ErrorIs(t, argcheck.Context(ctx, "read", "file"), context.Canceled)
	err := argcheck.Context(nil, "read", "file") //nolint:staticcheck // the nil context is the case
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.EqualError(t, err, "read file: invalid argument: the context is nil")
}
