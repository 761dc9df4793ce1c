package tftest

import (
	"os"
	"path/filepath"
	"testing"
)

// Model copies the model with this name from the folder testdata at the top of the module
// into a temporary folder, and returns the path of the copy. testdata/README.md lists
// the models.
func Model(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(ModuleRoot(t), "testdata", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ModuleRoot returns the folder of the module: the first one with a go.mod, from the
// working directory up.
func ModuleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("the test does not run inside the module")
		}
		dir = parent
	}
}
