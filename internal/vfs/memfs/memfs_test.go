package memfs_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/internal/vfs/memfs"
)

var _ vfs.FS = memfs.New()

func TestCheckpointInMemory(t *testing.T) {
	t.Parallel()
	m := memfs.New()
	ctx := vfs.NewContext(t.Context(), m)
	for range 2 { // the second one replaces the first
		w, err := checkpoint.Create(ctx, "folder/m", nil)
		require.NoError(t, err)
		require.NoError(t, w.Add(ctx, checkpoint.Tensor{Name: "b", DType: dtype.Uint8, Shape: []int64{3}, Data: []byte{1, 2, 3}}))
		require.NoError(t, w.Commit(ctx))
		require.NoError(t, w.Close())
		r, err := checkpoint.Open(ctx, "folder/m", nil)
		require.NoError(t, err)
		got, err := checkpoint.Values[byte](ctx, r, "b", nil)
		require.NoError(t, err)
		assert.Equal(t, []byte{1, 2, 3}, got)
		require.NoError(t, r.Close())
	}
	assert.NotNil(t, m.Bytes("folder/m.index"))
	_, err := os.Stat("folder")
	require.ErrorIs(t, err, fs.ErrNotExist, "nothing is on the disk")
}

func TestNamesAndSizes(t *testing.T) {
	t.Parallel()
	m := memfs.New()
	m.Put("a", []byte("text"))
	require.NoError(t, m.Link("a", "b"))
	require.ErrorIs(t, m.Link("a", "b"), fs.ErrExist)
	f, err := m.OpenFile("b", os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(2))
	require.NoError(t, f.Truncate(3))
	assert.Equal(t, []byte("te\x00"), m.Bytes("a"))
	require.NoError(t, m.Rename("b", "c"))
	require.NoError(t, m.Remove("a"))
	require.ErrorIs(t, m.Remove("a"), fs.ErrNotExist)
	require.ErrorIs(t, m.Rename("a", "d"), fs.ErrNotExist)
	_, err = m.OpenFile("c", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0)
	require.ErrorIs(t, err, fs.ErrExist)
	_, err = m.Open("a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Equal(t, []string{"c"}, m.Names())
	assert.Nil(t, m.Bytes("a"))
}
