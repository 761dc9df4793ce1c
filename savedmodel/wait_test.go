package savedmodel

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
)

func TestContextEndsALoadThatWaits(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	release, freed := make(chan struct{}), make(chan *Model, 1)
	made := &Model{}
	_, err := await(ctx, "dir", nil, func() (*Model, error) {
		cancel()
		<-release // TensorFlow does not stop
		return made, nil
	}, func(m *Model) { freed <- m })
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "in the background")
	close(release)
	assert.Same(t, made, <-freed, "what the load made is freed when it ends")
}

func TestLoadRefusesContextsThatAreDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	never := func() (*Model, error) { return nil, errors.New("loaded") }
	_, err := await(ctx, "dir", nil, never, nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = await(nil, "dir", nil, never, nil) //nolint:staticcheck // a caller's mistake
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}
