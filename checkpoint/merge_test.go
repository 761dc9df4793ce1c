package checkpoint_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const pyMerge = `
tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=args[0], destination_prefix=args[1],
                              delete_old_dirs=args[2], allow_missing_files=args[3])
result = None
`

// writeParts writes a checkpoint for every shard of the tensors.
func writeParts(t *testing.T, dir string, shards int, tensors []checkpoint.Tensor) []string {
	var prefixes []string
	for i := range shards {
		var own []checkpoint.Tensor
		for _, x := range tensors {
			if x.Shard == i {
				x.Shard = 0
				own = append(own, x)
			}
		}
		p := filepath.Join(dir, "parts", fmt.Sprintf("part-%d", i))
		tftest.WriteCheckpoint(t, p, nil, own)
		prefixes = append(prefixes, p)
	}
	return prefixes
}

func TestMergeEqualsMergeV2Checkpoints(t *testing.T) {
	t.Parallel()
	tensors := append(slicesOf(tftest.RandomTensor(1, "p", dtype.Float32, 9, 2), 2, 3, 4),
		tftest.RandomTensor(2, "a", dtype.Int64, 3), tftest.StringTensor("s", []int64{1}, "hello"))
	tensors[4].Shard = 2
	theirs, ours := t.TempDir(), t.TempDir()
	parts := writeParts(t, theirs, 3, tensors)
	oracle.RunEager(t, pyMerge, parts, filepath.Join(theirs, "m"), true, false)

	parts = writeParts(t, ours, 3, tensors)
	err := checkpoint.Merge(context.Background(), parts, filepath.Join(ours, "m"), &checkpoint.MergeOptions{DeleteOldDirs: true})
	require.NoError(t, err)
	assertSameFiles(t, theirs, ours)
	assert.NoDirExists(t, filepath.Join(ours, "parts"))
}

func TestMergeOfShardedCheckpoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one := append(slicesOf(tftest.RandomTensor(1, "p", dtype.Float32, 4, 2), 2, 2), tftest.RandomTensor(3, "b", dtype.Int64, 3))
	tftest.WriteCheckpoint(t, filepath.Join(dir, "one"), &checkpoint.WriterOptions{NumShards: 2}, one)
	tftest.WriteCheckpoint(t, filepath.Join(dir, "two"), nil, []checkpoint.Tensor{tftest.RandomTensor(2, "a", dtype.Int64, 3)})
	tftest.WriteCheckpoint(t, filepath.Join(dir, "two"), nil, []checkpoint.Tensor{tftest.RandomTensor(2, "a", dtype.Int64, 3)}) // now shard 1 of 2
	err := checkpoint.Merge(context.Background(), []string{filepath.Join(dir, "one"), filepath.Join(dir, "two")},
		filepath.Join(dir, "m"), &checkpoint.MergeOptions{KeepSources: true})
	require.NoError(t, err)
	assert.Len(t, tftest.ReadFiles(t, dir), 3+2+4)
	all := append(one, tftest.RandomTensor(2, "a", dtype.Int64, 3))
	for i := range all {
		all[i].Shard = 0
	}
	copied, direct := t.TempDir(), t.TempDir()
	restoreAndSaveV2(t, filepath.Join(dir, "m"), filepath.Join(copied, "m"), all)
	tftest.WriteCheckpoint(t, filepath.Join(direct, "m"), nil, all)
	assertSameFiles(t, direct, copied)
}

func TestMergeErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	tensor := []checkpoint.Tensor{tftest.RandomTensor(1, "a", dtype.Float32, 2)}
	tftest.WriteCheckpoint(t, at("one"), nil, tensor)
	tftest.WriteCheckpoint(t, at("two"), nil, tensor)
	require.NoError(t, os.WriteFile(at("bad.index"), []byte("not a table"), 0o644))
	before := tftest.ReadFiles(t, dir)
	for _, c := range []struct {
		name     string
		prefixes []string
		options  *checkpoint.MergeOptions
		kind     error
		text     string
	}{
		{"the same tensor twice", []string{at("one"), at("two")}, nil, tfkeep.ErrExists,
			"Duplicate tensor keyed by a encountered, when merging prefix: " + at("two")},
		{"a missing source", []string{at("one"), at("none")}, nil, tfkeep.ErrNotFound,
			at("none") + " does not exist, and MergeOptions.AllowMissingFiles is not set"},
		{"no source", nil, nil, tfkeep.ErrNotFound, "at least one of the checkpoints must exist"},
		{"none of them", []string{at("none")}, &checkpoint.MergeOptions{AllowMissingFiles: true}, tfkeep.ErrNotFound,
			"at least one of the checkpoints must exist"},
		{"a damaged source", []string{at("bad")}, nil, tfkeep.ErrCorrupt, "bad.index"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := checkpoint.Merge(context.Background(), c.prefixes, at("m"), c.options)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.text)
			assert.Equal(t, before, tftest.ReadFiles(t, dir))
		})
	}
}

func TestMergeOntoOneOfItsSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := tftest.RandomTensor(1, "a", dtype.Float32, 20_000), tftest.RandomTensor(2, "b", dtype.Float32, 3)
	tftest.WriteCheckpoint(t, filepath.Join(dir, "m"), nil, []checkpoint.Tensor{a})
	tftest.WriteCheckpoint(t, filepath.Join(dir, "n"), nil, []checkpoint.Tensor{b})
	require.NoError(t, checkpoint.Merge(context.Background(), []string{filepath.Join(dir, "m"), filepath.Join(dir, "n")}, filepath.Join(dir, "m"), nil))
	assert.Equal(t, []string{"m.data-00000-of-00002", "m.data-00001-of-00002", "m.index"}, tftest.FileNames(t, dir))
	r, err := checkpoint.Open(t.Context(), filepath.Join(dir, "m"), nil)
	require.NoError(t, err)
	defer r.Close()
	got, err := r.ReadBytes(context.Background(), "a", nil)
	require.NoError(t, err)
	assert.Equal(t, a.Data, got)
}

// writeHeaderOnly writes a checkpoint without tensors and with the given header.
func writeHeaderOnly(t *testing.T, prefix string, header []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := table.NewWriter(&b, nil)
	if header != nil {
		require.NoError(t, w.Add(nil, header))
	}
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(prefix+".index", b.Bytes(), 0o644))
	return prefix
}

func TestMergeRefusesDifferentHeaders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	usual := writeHeaderOnly(t, filepath.Join(dir, "usual"), []byte("\x08\x01\x1a\x02\x08\x01"))
	for _, c := range []struct {
		name   string
		header []byte
		kind   error
		text   string
	}{
		{"the other byte order", []byte("\x08\x01\x10\x01\x1a\x02\x08\x01"), tfkeep.ErrMismatch, "Merging bundles with conflicting endianness; inputs corrupted?"},
		{"another version", []byte("\x08\x01\x1a\x02\x08\x02"), tfkeep.ErrMismatch, "Merging bundles with different format versions"},
		{"one for newer readers", []byte("\x08\x01\x1a\x04\x08\x02\x10\x02"), tfkeep.ErrUnsupported, "min consumer version 2"},
		{"no header", nil, tfkeep.ErrCorrupt, "it has no header"},
		{"a damaged header", []byte("\x08"), tfkeep.ErrCorrupt, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := writeHeaderOnly(t, filepath.Join(dir, "other"), c.header)
			err := checkpoint.Merge(context.Background(), []string{usual, other}, filepath.Join(dir, "m"), nil)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.text)
			assert.NoFileExists(t, filepath.Join(dir, "m.index"))
		})
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, checkpoint.Merge(canceled, []string{usual}, filepath.Join(dir, "m"), nil), context.Canceled)
}
