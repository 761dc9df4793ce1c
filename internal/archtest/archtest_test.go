package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const binding = "github.com/galeone/tensorflow/tensorflow/go"

// pure are the packages that build with CGO_ENABLED=0 and never need libtensorflow,
// with all that lies under them.
var pure = []string{
	"dtype",
	"checkpoint",
	"graphdef",
	"freeze",
	"cmd/tfkeep",
	"verify",
	"internal/cli",
	"internal/command",
	"internal/crc32c",
	"savedmodel/offline",
	"internal/devicename",
	"internal/modeldir",
	"internal/ndtext",
	"internal/npy",
	"internal/parallel",
	"internal/procmem",
	"internal/safetensors",
	"internal/sources",
	"internal/table",
	"internal/vfs",
	"examples/digits/dataset",
}

// below says for each layer what it must not import: imports point down.
var below = map[string][]string{
	"capi":       {"tf", "saver", "savedmodel", "freeze", "checkpoint", "graphdef"},
	"tf":         {"saver", "savedmodel", "freeze", "cmd"},
	"saver":      {"savedmodel", "cmd"},
	"checkpoint": {"tf", "capi", "saver", "savedmodel", "freeze", "graphdef", "cmd"},
	"graphdef":   {"tf", "capi", "saver", "savedmodel", "freeze", "checkpoint", "cmd"},
	"freeze":     {"tf", "capi", "saver", "savedmodel", "cmd"},
}

// said are the names by which a library would log, print, exit or panic.
var said = map[string]bool{
	"fmt.Print": true, "fmt.Printf": true, "fmt.Println": true,
	"os.Stdout": true, "os.Stderr": true, "os.Exit": true,
	"log.Print": true, "log.Printf": true, "log.Println": true,
	"log.Fatal": true, "log.Fatalf": true, "log.Fatalln": true,
	"log.Panic": true, "log.Panicf": true, "log.Panicln": true,
	"log.Default": true, "log/slog.Default": true,
	"log/slog.Info": true, "log/slog.Warn": true, "log/slog.Error": true, "log/slog.Debug": true,
	"builtin.print": true, "builtin.println": true, "builtin.panic": true,
}

var listed = sync.OnceValues(packages)

func list(t *testing.T) []pkg {
	t.Helper()
	list, err := listed()
	require.NoError(t, err)
	require.Greater(t, len(list), len(pure), "the whole module is listed")
	return list
}

func under(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func TestPurePackagesReachNoCgo(t *testing.T) {
	checked := map[string]bool{}
	for _, p := range list(t) {
		for _, parent := range pure {
			if !under(p.path(), parent) {
				continue
			}
			checked[parent] = true
			assert.Empty(t, p.CgoFiles, "%s uses cgo", p.path())
			for _, dep := range p.Deps {
				assert.NotEqual(t, binding, dep, "%s reaches the binding, which needs libtensorflow", p.path())
				assert.False(t, under(dep, module+"/capi"), "%s reaches capi, which needs libtensorflow", p.path())
			}
		}
	}
	for _, parent := range pure {
		assert.True(t, checked[parent], "%s is on the list of pure packages, and there is none", parent)
	}
}

func TestOnlyCapiUsesCgo(t *testing.T) {
	for _, p := range list(t) {
		if p.path() != "capi" {
			assert.Empty(t, p.CgoFiles, `%s has files with import "C": put the call into capi`, p.path())
		}
	}
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t) {
		for layer, forbidden := range below {
			if !under(p.path(), layer) {
				continue
			}
			for _, dep := range p.Deps {
				for _, other := range forbidden {
					assert.False(t, under(dep, module+"/"+other), "%s reaches %s", p.path(), dep)
				}
			}
		}
	}
}

func TestLibrariesNeitherPrintNorExitNorPanic(t *testing.T) {
	for _, p := range list(t) {
		if !p.library() {
			continue
		}
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles) {
			uses, err := usesOf(filepath.Join(p.Dir, file), said)
			require.NoError(t, err)
			assert.Empty(t, uses, "return an error instead")
		}
	}
}

func TestPackagesHaveADocFile(t *testing.T) {
	for _, p := range list(t) {
		if !p.public() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if assert.NoError(t, err, "%s has no doc.go that teaches it", p.path()) {
			assert.Contains(t, string(text), "// Package "+p.Name+" ", "%s/doc.go", p.path())
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, p := range list(t) {
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles, p.TestGoFiles, p.XTestGoFiles) {
			n, err := lines(filepath.Join(p.Dir, file))
			require.NoError(t, err)
			assert.Less(t, n, 600, "%s/%s: one idea per file", p.path(), file)
		}
	}
}

func TestNoPackageIsACatchAll(t *testing.T) {
	for _, p := range list(t) {
		assert.NotContains(t, []string{"util", "utils", "common", "helpers", "misc"}, p.Name, p.path())
	}
}

func TestUsesAreFound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.go")
	require.NoError(t, os.WriteFile(file, []byte(`package p

import (
	f "fmt"
	"os"
)

var start = func() int {
	if len(os.Args) > 1<<20 {
		panic("at the start")
	}
	return 0
}()

func g() {
	var local int
	f.Println("x")
	os.Exit(1)
	panic("x")
	fmt := struct{ Println func() }{}
	fmt.Println()
}
`), 0o644))
	uses, err := usesOf(file, said)
	require.NoError(t, err)
	require.Len(t, uses, 3)
	assert.Contains(t, uses[0], "p.go:17:2: f.Println")
	assert.Contains(t, uses[1], "p.go:18:2: os.Exit")
	assert.Contains(t, uses[2], "p.go:19:2: panic")
}

func TestGeneratedFilesAreNotCounted(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("// Code generated by x. DO NOT EDIT.\npackage a\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.go"), []byte("package a\n\nvar x int\n"), 0o644))
	n, err := lines(filepath.Join(dir, "a.go"))
	require.NoError(t, err)
	assert.Zero(t, n)
	n, err = lines(filepath.Join(dir, "b.go"))
	require.NoError(t, err)
	assert.Equal(t, 3, n)
}
