package checkpoint_test

import (
	"context"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
)

// requireStream compares the stream of a slice with its bytes.
func requireStream(t *testing.T, r *checkpoint.Reader, name string, s checkpoint.Slice) {
	t.Helper()
	ctx := context.Background()
	want, err := r.ReadBytes(ctx, name, s)
	require.NoError(t, err)
	for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
		f, err := r.OpenTensor(ctx, name, s)
		require.NoError(t, err)
		got, err := io.ReadAll(wrap(f))
		require.NoError(t, err)
		require.Equal(t, want, got, "slice %s", s)
		require.NoError(t, f.Close())
	}
}
