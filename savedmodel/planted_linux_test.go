package savedmodel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/verify"
)

const secret = "CANARY, not for the model\n"

// planted has what somebody may put in the place of a file or folder.
var planted = []struct {
	name string
	put  func(path, outside string) error
}{
	{"nothing", func(string, string) error { return nil }},
	{"dangling link", func(path, outside string) error { return os.Symlink(outside+"/none", path) }},
	{"link to a file outside", func(path, outside string) error { return os.Symlink(outside+"/secret", path) }},
	{"link to a folder outside", func(path, outside string) error { return os.Symlink(outside, path) }},
	{"relative link outside", func(path, outside string) error {
		rel, err := filepath.Rel(filepath.Dir(path), outside+"/secret")
		return errors.Join(err, os.Symlink(rel, path))
	}},
	{"loop", func(path, _ string) error { return os.Symlink(filepath.Base(path), path) }},
	{"link to the folder above", func(path, _ string) error { return os.Symlink("..", path) }},
	{"link to a device", func(path, _ string) error { return os.Symlink("/dev/zero", path) }},
	{"pipe", func(path, _ string) error { return syscall.Mkfifo(path, 0o644) }},
	{"socket", func(path, _ string) error {
		// The address of a socket is short, so that it is made in the folder.
		l, err := net.Listen("unix", path)
		if err != nil {
			return nil
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		return l.Close()
	}},
	{"folder", func(path, _ string) error { return os.Mkdir(path, 0o755) }},
	{"folder with files", func(path, _ string) error {
		return errors.Join(os.Mkdir(path, 0o755), os.WriteFile(path+"/mine", []byte("mine"), 0o644))
	}},
	{"hard link", func(path, outside string) error { return os.Link(outside+"/linked", path) }},
	{"hole", func(path, _ string) error {
		return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 1<<40))
	}},
	{"garbage", func(path, _ string) error {
		return os.WriteFile(path, bytes.Repeat([]byte("\xff\x00\x0a\x8f"), 999), 0o644)
	}},
	{"empty file", func(path, _ string) error { return os.WriteFile(path, nil, 0o644) }},
}

// tree describes all files below a folder: their kinds, links, and contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		says := fmt.Sprint(info.Mode(), " ")
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			says += to
		case info.Mode().IsRegular() && info.Size() < 1<<20:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			says += string(data)
		case info.Mode().IsRegular():
			says += fmt.Sprint(info.Size())
		}
		rel, _ := filepath.Rel(dir, path)
		found[rel] = says
		return nil
	}))
	return found
}

// within fails if f takes longer than 20 seconds, and returns its error.
func within(t *testing.T, name string, f func(context.Context) error) error {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				assert.Fail(t, "panic", "%s: %v", name, p)
				done <- errors.New("panic")
			}
		}()
		done <- f(limited)
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(21 * time.Second):
		require.Fail(t, "it hangs", name)
		return nil
	}
}

func closing(m *savedmodel.Model, err error) error {
	if err != nil {
		return err
	}
	return m.Close()
}

// Whatever stands in the place of a file or folder of a model, reading, editing, and saving again
// neither hangs nor changes or copies what is outside of the model. What fails changes nothing. It
// tries some of the cases, and all of them if TFKEEP_PLANTED is set.
func TestPlantedFilesAreHarmless(t *testing.T) {
	root, err := os.MkdirTemp("", "p") // short, for sockets
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(root) })
	outside, good := root+"/outside", root+"/good"
	require.NoError(t, os.MkdirAll(outside+"/sub", 0o755))
	for _, name := range []string{"secret", "sub/secret"} {
		require.NoError(t, os.WriteFile(filepath.Join(outside, name), []byte(secret), 0o644))
	}
	require.NoError(t, os.WriteFile(outside+"/linked", []byte("by another name"), 0o644))
	opened, err := savedmodel.Open(ctx, tftest.Model(t, "words"), nil)
	require.NoError(t, err)
	_, err = opened.Save(ctx, good, &savedmodel.SaveOptions{Manifest: true})
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	bare := root + "/bare" // without a manifest, which finds most of it
	require.NoError(t, os.CopyFS(bare, os.DirFS(good)))
	require.NoError(t, os.Remove(bare+"/tfkeep_manifest.json"))
	canary := tree(t, outside)
	places := []string{"saved_model.pb", "saved_model.pbtxt", "saved_model.cpb", "fingerprint.pb", "tfkeep_manifest.json", "assets.extra", "assets.extra/x"}
	for _, name := range slices.Sorted(maps.Keys(tree(t, good))) {
		if name != "." && name != "tfkeep_manifest.json" && name != "saved_model.pb" {
			places = append(places, name)
		}
	}
	edit := func(c ...offline.Change) func(context.Context, string) error {
		return func(ctx context.Context, dir string) error { return offline.Edit(ctx, dir, c...) }
	}
	count := 0
	var model *savedmodel.Model // opened before something is planted
	all := os.Getenv("TFKEEP_PLANTED") != ""
	for v, verb := range []struct {
		name   string
		writes bool
		do     func(ctx context.Context, dir string) error
	}{
		{"Open", false, func(ctx context.Context, dir string) error { return closing(savedmodel.Open(ctx, dir, nil)) }},
		{"Open of an FS", false, func(ctx context.Context, dir string) error {
			return closing(savedmodel.Open(ctx, ".", &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{FS: os.DirFS(dir)}}))
		}},
		{"LoadGraph", false, func(ctx context.Context, dir string) error {
			sess, err := tf.NewSession(tf.NewGraph(), nil)
			if err != nil {
				return err
			}
			defer sess.Close()
			_, err = savedmodel.LoadGraph(ctx, sess, []string{"serve"}, dir, nil)
			return err
		}},
		{"ScanPredict", false, func(_ context.Context, dir string) error {
			savedmodel.IsSavedModel(dir)
			return savedmodel.ScanPredict(dir, nil)
		}},
		{"verify", false, func(ctx context.Context, dir string) error {
			for _, err := range verify.Path(ctx, dir, nil) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"freeze", false, func(ctx context.Context, dir string) error {
			p, err := freeze.FromSavedModel(ctx, dir, &freeze.Options{EmbedTables: true})
			if err != nil {
				return err
			}
			var frozen bytes.Buffer
			err = p.Write(ctx, &frozen, nil)
			assert.NotContains(t, frozen.String(), strings.TrimSpace(secret))
			return err
		}},
		{"FromCheckpoint", false, func(ctx context.Context, dir string) error {
			to := root + "/converted"
			defer os.RemoveAll(to)
			_, err := offline.FromCheckpoint(ctx, dir+"/variables/variables", to, &offline.Options{MetaGraph: dir + "/saved_model.pb"})
			return err
		}},
		{"Edit: retag", true, edit(offline.Retag(nil, []string{"serve", "more"}))},
		{"Edit: prune", true, edit(offline.KeepTags([]string{"serve"}), offline.RemoveSignature(nil, "serving_default"))},
		{"Model.Save", false, func(ctx context.Context, dir string) error {
			to := root + "/saved"
			defer os.RemoveAll(to)
			_, err := model.Save(ctx, to, nil)
			if err == nil {
				for name, says := range tree(t, to) {
					assert.NotContains(t, says, secret, name)
				}
			} else {
				assert.NoDirExists(t, to)
			}
			return errors.Join(err, model.Close())
		}},
	} {
		for i, place := range places {
			for k, p := range planted {
				for m, from := range []string{good, bare} {
					if !all && (v+i+k+2*m)%11 != 0 {
						continue
					}
					name := fmt.Sprintf("%s of %s with a %s as %s", verb.name, filepath.Base(from), p.name, place)
					dir := root + "/m/1"
					require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
					if verb.name == "Model.Save" {
						model, err = savedmodel.Open(ctx, dir, nil)
						require.NoError(t, err)
					}
					require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, place)), 0o755))
					require.NoError(t, os.RemoveAll(filepath.Join(dir, place)))
					require.NoError(t, p.put(filepath.Join(dir, place), outside), name)
					before := tree(t, root+"/m")
					err := within(t, name, func(ctx context.Context) error { return verb.do(ctx, dir) })
					if !verb.writes || err != nil {
						assert.Equal(t, before, tree(t, root+"/m"), name)
					}
					if !assert.Equal(t, canary, tree(t, outside), name) {
						return
					}
					require.NoError(t, os.RemoveAll(root+"/m"))
					count++
				}
			}
		}
	}
	require.Greater(t, count, 200)
}
