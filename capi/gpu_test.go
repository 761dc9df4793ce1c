package capi_test

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
)

// found is what TestGPUChild writes.
type found struct {
	Version int
	GPUs    []capi.GPU
	Failed  *capi.DriverError
	Err     string
	Opened  map[string]string // the loader's message by library
}

// TestGPUChild is the child process of the tests below: the loader reads its
// environment when a process starts. In the parent it does nothing.
func TestGPUChild(t *testing.T) {
	out := os.Getenv("CAPI_TEST_OUT")
	if out == "" {
		return
	}
	var f found
	var err error
	f.Version, f.GPUs, err = capi.Driver()
	if !errors.As(err, &f.Failed) && err != nil {
		f.Err = err.Error()
	}
	f.Opened = map[string]string{}
	for _, name := range []string{"libone.so.1", "libtwo.so.1"} {
		f.Opened[name] = fmt.Sprint(capi.OpenLibrary(name))
	}
	raw, err := json.Marshal(f)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(out, raw, 0o600))
}

// runGPUChild runs the child with dir in the loader's path.
func runGPUChild(t *testing.T, dir string, env ...string) (f found) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.json")
	cmd := exec.Command(os.Args[0], "-test.run=^TestGPUChild$")
	path := dir
	if set := os.Getenv("LD_LIBRARY_PATH"); set != "" {
		path += ":" + set
	}
	cmd.Env = append(os.Environ(), append(env, "CAPI_TEST_OUT="+out, "LD_LIBRARY_PATH="+path)...)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	raw, err := os.ReadFile(out)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &f))
	return f
}

// compileLibrary compiles dir/name.
func compileLibrary(t *testing.T, dir, name, source string, args ...string) {
	t.Helper()
	args = append([]string{"-shared", "-fPIC", "-Wl,-soname," + name, "-o", filepath.Join(dir, name), source}, args...)
	output, err := exec.Command("cc", args...).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

func TestDriver(t *testing.T) {
	dir := t.TempDir()
	compileLibrary(t, dir, "libcuda.so.1", "testdata/gpu/libcuda.c")
	t.Run("GPUs", func(t *testing.T) {
		f := runGPUChild(t, dir, "STUB_GPUS=2", "STUB_CAPABILITY=89")
		assert.Equal(t, 12090, f.Version)
		assert.Equal(t, []capi.GPU{
			{Name: "Stub GPU 0", MemoryBytes: 80 << 30, ComputeMajor: 8, ComputeMinor: 9},
			{Name: "Stub GPU 1", MemoryBytes: 81 << 30, ComputeMajor: 8, ComputeMinor: 9},
		}, f.GPUs)
		assert.Nil(t, f.Failed)
		assert.Empty(t, f.Err)
	})
	t.Run("no GPU", func(t *testing.T) {
		f := runGPUChild(t, dir, "STUB_GPUS=0")
		assert.Empty(t, f.GPUs)
		assert.Nil(t, f.Failed)
		assert.Empty(t, f.Err)
	})
	t.Run("too many GPUs", func(t *testing.T) {
		assert.Len(t, runGPUChild(t, dir, "STUB_GPUS=1000").GPUs, 64)
	})
	t.Run("an error with a name", func(t *testing.T) {
		f := runGPUChild(t, dir, "STUB_CUINIT=100")
		assert.Equal(t, &capi.DriverError{Function: "cuInit", Result: 100, Name: "CUDA_ERROR_NO_DEVICE"}, f.Failed)
		assert.EqualError(t, f.Failed, "cuInit: CUDA_ERROR_NO_DEVICE (100)")
		assert.Equal(t, 12090, f.Version)
	})
	t.Run("an error without a name", func(t *testing.T) {
		assert.EqualError(t, runGPUChild(t, dir, "STUB_CUINIT=12345").Failed, "cuInit: error 12345")
	})
	t.Run("another library of that name", func(t *testing.T) {
		other := t.TempDir()
		source := filepath.Join(other, "other.c")
		require.NoError(t, os.WriteFile(source, []byte("int other(void) { return 1; }\n"), 0o600))
		compileLibrary(t, other, "libcuda.so.1", source)
		assert.EqualError(t, runGPUChild(t, other).Failed, "the driver has no cuDriverGetVersion")
	})
	t.Run("not a library", func(t *testing.T) {
		other := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(other, "libcuda.so.1"), []byte("text"), 0o600))
		assert.Contains(t, runGPUChild(t, other).Err, filepath.Join(other, "libcuda.so.1"))
	})
}

func TestOpenLibraryNamesMissingFile(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.c"), filepath.Join(dir, "two.c")
	require.NoError(t, os.WriteFile(one, []byte("int one(void) { return 1; }\n"), 0o600))
	require.NoError(t, os.WriteFile(two, []byte("int one(void);\nint two(void) { return 1 + one(); }\n"), 0o600))
	compileLibrary(t, dir, "libone.so.1", one)
	compileLibrary(t, dir, "libtwo.so.1", two, filepath.Join(dir, "libone.so.1"))
	assert.Equal(t, map[string]string{"libone.so.1": "<nil>", "libtwo.so.1": "<nil>"}, runGPUChild(t, dir).Opened)

	require.NoError(t, os.Remove(filepath.Join(dir, "libone.so.1")))
	opened := runGPUChild(t, dir).Opened
	for _, name := range []string{"libone.so.1", "libtwo.so.1"} {
		assert.Contains(t, opened[name], "libone.so.1: cannot open shared object file", name)
	}
}

func TestHasGPUKernels(t *testing.T) {
	got, err := capi.HasGPUKernels()
	require.NoError(t, err)
	code := false
	for _, file := range loadedLibraries(t, "libtensorflow") {
		f, err := elf.Open(file)
		require.NoError(t, err)
		code = code || f.Section(".nv_fatbin") != nil
		require.NoError(t, f.Close())
	}
	assert.Equal(t, code, got)
}

// loadedLibraries returns the libraries of this process whose file names begin with
// prefix.
func loadedLibraries(t *testing.T, prefix string) (files []string) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	for line := range strings.Lines(string(maps)) {
		_, file, _ := strings.Cut(strings.TrimSpace(line), "/")
		if file = "/" + file; strings.HasPrefix(filepath.Base(file), prefix) && !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	require.NotEmpty(t, files)
	return files
}
