package checkpoint_test

import (
	"path/filepath"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

func TestWriterReleasesWrittenTensors(t *testing.T) {
	w, err := checkpoint.Create(t.Context(), filepath.Join(t.TempDir(), "m"), &checkpoint.WriterOptions{NoSync: true})
	require.NoError(t, err)
	defer w.Close()
	add := func() weak.Pointer[byte] {
		data := make([]byte, 1<<20)
		require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "w", DType: dtype.Uint8, Shape: []int64{1 << 20}, Data: data}))
		return weak.Make(&data[0])
	}
	data := add()
	runtime.GC()
	assert.Nil(t, data.Value(), "a checkpoint of any size is written in little memory")
	require.NoError(t, w.Commit(t.Context()))
}
