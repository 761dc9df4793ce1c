//go:build linux

package checkpoint

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
)

// A hole makes a file of any size from nothing, so that it must not decide how much memory
// is allocated.
func TestHolesTakeNoMemory(t *testing.T) {
	t.Parallel()
	const size = 1 << 40
	// A table whose index block is as large as the file.
	table := func(t *testing.T, name string) {
		footer := binary.AppendUvarint(binary.AppendUvarint(nil, 0), 8)
		footer = binary.AppendUvarint(binary.AppendUvarint(footer, 100), size-1000)
		footer = append(footer, make([]byte, 40-len(footer))...)
		footer = binary.LittleEndian.AppendUint64(footer, 0xdb4775248b80fb57)
		f, err := os.Create(name)
		require.NoError(t, err)
		_, err = f.WriteAt(footer, size-int64(len(footer)))
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	for _, test := range []struct {
		name string
		make func(t *testing.T, prefix string)
		read func(ctx context.Context, prefix string) error
		want error
	}{
		{"index", func(t *testing.T, prefix string) { table(t, prefix+".index") }, open, tfkeep.ErrUnsupported},
		{"V1", table, open, tfkeep.ErrUnsupported},
		{"index in Verify", func(t *testing.T, prefix string) { table(t, prefix+".index") }, verifyHoles, tfkeep.ErrUnsupported},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			prefix := filepath.Join(t.TempDir(), "m")
			test.make(t, prefix)
			assert.ErrorIs(t, test.read(t.Context(), prefix), test.want)
		})
	}
	for _, dt := range []dtype.DataType{dtype.String, dtype.Variant} {
		t.Run(dtype.Name(dt), func(t *testing.T) {
			t.Parallel()
			c := newCrafted()
			c.data[0] = []byte("x")
			c.set("s", &bundleEntry{dtype: dt, shape: []int64{}, size: size})
			prefix := c.write(t)
			require.NoError(t, os.Truncate(prefix+".data-00000-of-00001", size))
			r, err := Open(t.Context(), prefix, nil)
			require.NoError(t, err)
			defer r.Close()
			_, err = r.ReadStrings(t.Context(), "s", nil)
			require.ErrorIs(t, err, tfkeep.ErrTooLarge)
			assert.ErrorContains(t, err, "cp --sparse=never")
			assert.ErrorIs(t, verifyHoles(t.Context(), prefix), tfkeep.ErrTooLarge)
		})
	}
}

func open(ctx context.Context, prefix string) error {
	_, err := Open(ctx, prefix, nil)
	return err
}

func verifyHoles(ctx context.Context, prefix string) error {
	report, err := Verify(ctx, prefix, nil)
	if err == nil && len(report.Faults) > 0 {
		err = report.Faults[0].Err
	}
	return err
}

func TestMapIsTheMemoryOfTheFile(t *testing.T) {
	t.Parallel()
	c := newCrafted()
	c.add("v", dtype.Float32, []int64{1}, []byte{1, 2, 3, 4})
	prefix := c.write(t)
	r, err := Open(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer r.Close()
	data, release, err := r.Map(t.Context(), "v")
	require.NoError(t, err)
	f, err := os.OpenFile(prefix+".data-00000-of-00001", os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{9}, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.Equal(t, []byte{9, 2, 3, 4}, data, "the bytes were copied")
	require.NoError(t, release())
}
