package modeldir_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// put writes a file and creates the folders above it.
func put(t *testing.T, content string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestCommitMakesModelVisible(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "m")
	s, err := modeldir.Begin(dir)
	require.NoError(t, err)
	put(t, "x", s.Path("variables", "v"))
	assert.NoDirExists(t, dir)
	_, err = modeldir.Begin(dir)
	require.ErrorIs(t, err, tfkeep.ErrLocked)
	beside, err := modeldir.Begin(dir + "2")
	require.NoError(t, err, "another model in the same folder")
	require.NoError(t, beside.Close())
	assert.FileExists(t, s.Path("variables", "v"), "a staging folder in use is not removed")
	require.NoError(t, s.Commit())
	assert.Equal(t, []string{"m"}, names(t, filepath.Dir(dir)))
	assert.FileExists(t, filepath.Join(dir, "variables", "v"))
	require.NoError(t, s.Close())
	require.Error(t, s.Commit())
	_, err = modeldir.Begin(dir)
	require.ErrorIs(t, err, tfkeep.ErrExists)
}

func TestCloseRemovesStaging(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	s, err := modeldir.Begin(filepath.Join(parent, "m"))
	require.NoError(t, err)
	put(t, "x", s.Path("variables", "v"))
	require.NoError(t, os.Symlink("/etc", s.Path("link")))
	require.NoError(t, s.Close())
	assert.Empty(t, names(t, parent))
	assert.DirExists(t, "/etc", "links are removed, not followed")
}

func TestBeginRemovesLeftovers(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	put(t, "half", parent, "1.tfkeep-tmp", "variables", "v")
	put(t, "", parent, "1.tfkeep-tmp.tfkeep-lock")
	put(t, "", parent, "2.tfkeep-tmp.tfkeep-lock")
	put(t, "old", parent, "7.tfkeep-old", "saved_model.pb")
	put(t, "mine", parent, "notes.tfkeep-old")
	s, err := modeldir.Begin(filepath.Join(parent, "3"))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.Equal(t, []string{"notes.tfkeep-old"}, names(t, parent))
}

func TestVersionsAndPrune(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	n, err := modeldir.Next(filepath.Join(base, "nope"))
	require.NoError(t, err)
	assert.Equal(t, int64(1), n)
	for _, name := range []string{"10", "00000123", "9", "+5", "-4", "x", "7.tfkeep-tmp"} {
		put(t, "", base, name, modeldir.FilenamePB)
	}
	put(t, "", base, "500", "other")
	put(t, "", base, "600")
	versions, err := modeldir.Versions(base)
	require.NoError(t, err)
	assert.Equal(t, []int64{9, 10, 123}, versions)
	n, err = modeldir.Next(base)
	require.NoError(t, err)
	assert.Equal(t, int64(601), n, "a number in use is not used again")

	gone, err := modeldir.Prune(base, 0)
	require.NoError(t, err)
	assert.Empty(t, gone, "0 keeps all")
	gone, err = modeldir.Prune(base, 1)
	require.NoError(t, err)
	assert.Equal(t, []int64{9, 10}, gone)
	assert.DirExists(t, filepath.Join(base, "00000123"))
	gone, err = modeldir.Prune(base, 1)
	require.NoError(t, err)
	assert.Empty(t, gone)
}

func TestReplaceKeepsOneForm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, "old", dir, modeldir.FilenamePBText)
	require.NoError(t, modeldir.Replace(dir, modeldir.FilenamePB, []byte("new")))
	assert.Equal(t, []string{modeldir.FilenamePB}, names(t, dir))
}

func TestReplaceKeepsNoStaleFingerprint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const name = "fingerprint.pb"
	path := filepath.Join(dir, name)
	put(t, "old", path)
	require.NoError(t, modeldir.Replace(dir, modeldir.FilenamePB, []byte{0x12, 0}))
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.NotEqual(t, "old", string(first))
	require.NoError(t, modeldir.Replace(dir, modeldir.FilenamePBText, []byte("meta_graphs {}")))
	assert.NoFileExists(t, path, "TensorFlow has none of a text")
	put(t, "old", path)
	require.NoError(t, modeldir.Replace(dir, modeldir.FilenamePB, []byte{0x12}))
	assert.NoFileExists(t, path, "no model")
	require.NoError(t, modeldir.Replace(dir, modeldir.FilenamePB, []byte{0x12, 0}))
	assert.NoFileExists(t, path, "there was none")
}

func TestCheckManifest(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	check := func() []string {
		faults, found, err := modeldir.CheckManifest(t.Context(), vfs.IOFS(vfs.OS, dir))
		require.NoError(t, err)
		require.True(t, found)
		return faults
	}
	_, found, err := modeldir.CheckManifest(t.Context(), vfs.IOFS(vfs.OS, dir))
	require.NoError(t, err)
	assert.False(t, found)
	put(t, "12345", dir, "a")
	put(t, "12345", dir, "sub", "b")
	require.NoError(t, modeldir.WriteManifest(t.Context(), dir))
	assert.Empty(t, check())
	put(t, "12346", dir, "a")
	assert.Equal(t, []string{"the content of a has changed"}, check())
	put(t, "1234", dir, "a")
	assert.Equal(t, []string{"a has 4 bytes instead of 5"}, check())
	require.NoError(t, os.Remove(filepath.Join(dir, "a")))
	put(t, "", dir, "c")
	assert.Equal(t, []string{"a is missing", "c is not in the manifest"}, check())
	put(t, "{", dir, modeldir.ManifestName)
	assert.Equal(t, []string{modeldir.ManifestName + " is damaged"}, check())
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, modeldir.WriteManifest(stopped, dir), context.Canceled)
}

func TestWhyNoModelSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	model := &fstest.MapFile{Data: []byte("x")}
	for _, c := range []struct {
		name string
		fsys fstest.MapFS
		kind error
		says string
	}{
		{"empty", fstest.MapFS{}, tfkeep.ErrNotFound, "neither saved_model.pb nor"},
		{"image format", fstest.MapFS{"saved_model.cpb": model}, tfkeep.ErrUnsupported, "experimental_image_format"},
		{"versions", fstest.MapFS{"1/saved_model.pb": model, "12/saved_model.pbtxt": model, "x/saved_model.pb": model}, tfkeep.ErrNotFound, "versions of a model: 1, 12; name one"},
		{"graphs", fstest.MapFS{"frozen.pb": model, "b.pbtxt": model}, tfkeep.ErrNotFound, `"b.pbtxt", "frozen.pb"`},
	} {
		detail, kind := modeldir.WhyNoModel(c.fsys)
		assert.Equal(t, c.kind, kind, c.name)
		assert.Contains(t, detail, c.says, c.name)
	}
}

// onlyWithHoles skips a test where a large file may need as much disk.
func onlyWithHoles(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("not all file systems here make holes")
	}
}

func TestCheckManifestSkipsOddSizes(t *testing.T) {
	t.Parallel()
	onlyWithHoles(t)
	dir := t.TempDir()
	put(t, "x", dir, "a")
	require.NoError(t, modeldir.WriteManifest(t.Context(), dir))
	for _, name := range []string{"a", "b"} {
		put(t, "x", dir, name)
		require.NoError(t, os.Truncate(filepath.Join(dir, name), 1<<42), "reading it would take an hour")
	}
	faults, found, err := modeldir.CheckManifest(t.Context(), vfs.IOFS(vfs.OS, dir))
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, []string{"a has 4398046511104 bytes instead of 1", "b is not in the manifest"}, faults)
}

func TestCheckManifestStopsInAFile(t *testing.T) {
	t.Parallel()
	onlyWithHoles(t)
	dir := t.TempDir()
	put(t, "x", dir, "a")
	require.NoError(t, os.Truncate(filepath.Join(dir, "a"), 16<<30))
	put(t, `{"files":[{"path":"a","bytes":17179869184,"sha256":""}]}`, dir, modeldir.ManifestName)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, _, err := modeldir.CheckManifest(ctx, vfs.IOFS(vfs.OS, dir))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCheckManifestRefusesHoles(t *testing.T) {
	t.Parallel()
	onlyWithHoles(t)
	dir := t.TempDir()
	put(t, "x", dir, "a")
	require.NoError(t, os.Truncate(filepath.Join(dir, "a"), 1<<42), "reading it would take an hour")
	put(t, `{"files":[{"path":"a","bytes":4398046511104,"sha256":""}]}`, dir, modeldir.ManifestName)
	faults, found, err := modeldir.CheckManifest(t.Context(), vfs.IOFS(vfs.OS, dir))
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, []string{"a consists of holes; if you trust it, copy it with cp --sparse=never"}, faults)
}

// The manifest of an edited model has the new graph. It does not hide what happened to other files,
// and what keeps the edit from ending is found before it begins.
func TestUpdateManifestKeepsFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, "graph", dir, modeldir.FilenamePB)
	put(t, "words", dir, modeldir.AssetsDir, "a.txt")
	require.NoError(t, modeldir.WriteManifest(context.Background(), dir))
	put(t, "other", dir, modeldir.AssetsDir, "a.txt")
	update, err := modeldir.UpdateManifest(dir)
	require.NoError(t, err)
	require.NoError(t, modeldir.Replace(dir, modeldir.FilenamePB, []byte("new graph")))
	require.NoError(t, update(context.Background()))
	faults, found, err := modeldir.CheckManifest(context.Background(), os.DirFS(dir))
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, []string{"the content of assets/a.txt has changed"}, faults)

	put(t, "no manifest", dir, modeldir.ManifestName)
	_, err = modeldir.UpdateManifest(dir)
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	put(t, "mine", dir, modeldir.FilenamePBText, "mine")
	require.ErrorIs(t, modeldir.Replace(dir, modeldir.FilenamePB, []byte("third")), tfkeep.ErrExists)
	data, err := os.ReadFile(filepath.Join(dir, modeldir.FilenamePB))
	require.NoError(t, err)
	require.Equal(t, "new graph", string(data))
}
