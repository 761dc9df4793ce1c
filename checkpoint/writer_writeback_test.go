package checkpoint_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// brokenDevice fails where a file waits for its earlier part. The device reports such an
// error once, so that the sync succeeds.
type brokenDevice struct{ vfs.FS }

var errDevice = errors.New("broken device")

type brokenFile struct{ vfs.File }

func (brokenFile) StartWriteback(int64, int64)        {}
func (brokenFile) FinishWriteback(int64, int64) error { return errDevice }

func (b brokenDevice) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := b.FS.OpenFile(name, flag, perm)
	return brokenFile{f}, err
}

func TestErrorOfEarlierPartFailsTheSave(t *testing.T) {
	t.Parallel()
	large := checkpoint.Tensor{Name: "large", DType: dtype.Uint8, Shape: []int64{40 << 20}, Data: make([]byte, 40<<20)}
	old := tftest.RandomTensor(1, "old", dtype.Float32, 10)
	for _, version := range []checkpoint.Version{checkpoint.V1, checkpoint.V2} {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			prefix := filepath.Join(t.TempDir(), "m")
			tftest.WriteCheckpoint(t, prefix, &checkpoint.WriterOptions{Version: version}, []checkpoint.Tensor{old})
			before := tftest.FileNames(t, filepath.Dir(prefix))
			save := func(o *checkpoint.WriterOptions) error {
				w, err := checkpoint.Create(vfs.NewContext(t.Context(), brokenDevice{vfs.OS}), prefix, o)
				require.NoError(t, err)
				defer w.Close()
				_ = w.Add(t.Context(), large) // Commit returns its error.
				return w.Commit(t.Context())
			}
			require.ErrorIs(t, save(&checkpoint.WriterOptions{Version: version}), errDevice)
			assert.Equal(t, before, tftest.FileNames(t, filepath.Dir(prefix)))
			r, err := checkpoint.Open(t.Context(), prefix, nil)
			require.NoError(t, err)
			defer r.Close()
			got, err := r.ReadBytes(t.Context(), "old", nil)
			require.NoError(t, err)
			assert.Equal(t, old.Data, got)
			require.NoError(t, save(&checkpoint.WriterOptions{Version: version, NoSync: true}), "it waits for no device")
		})
	}
}
