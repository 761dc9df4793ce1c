package tftest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/triple.c
var tripleSource string

// OpLibrary compiles a library of the op TfkeepTriple, three times its input, and returns its
// path. It skips the test if there is no C compiler.
func OpLibrary(t testing.TB) string {
	t.Helper()
	return Library(t, "triple.so", tripleSource)
}

// Library compiles C source text to a shared library.
func Library(t testing.TB, name, source string) string {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "library.c"), filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(in, []byte(source), 0o644))
	text, err := exec.Command(compiler, "-shared", "-fPIC", "-O1", "-o", out, in).CombinedOutput()
	require.NoError(t, err, string(text))
	return out
}
