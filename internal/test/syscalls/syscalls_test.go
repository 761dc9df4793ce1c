package syscalls_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/syscalls"
)

// writer is the environment variable with the folder in which this test binary writes.
const writer = "TFKEEP_SYSCALLS_WRITER"

func TestMain(m *testing.M) {
	if err := syscalls.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if folder := os.Getenv(writer); folder != "" {
		write(folder)
		os.Exit(0)
	}
	if dir := os.Getenv(watchedDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// write makes four changes to a folder and prints what became of them.
func write(folder string) {
	f, err := os.Create(filepath.Join(folder, "a"))
	fmt.Println("create", err)
	if err == nil {
		_, err = f.WriteString("text")
		fmt.Println("write", err)
		fmt.Println("sync", f.Sync())
		_ = f.Close()
	}
	fmt.Println("rename", os.Rename(filepath.Join(folder, "a"), filepath.Join(folder, "b")))
	_, err = os.ReadFile(filepath.Join(folder, "b"))
	fmt.Println("read", err)
}

func run(t *testing.T, f *syscalls.Fault) (*syscalls.Result, string) {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	r, err := syscalls.Run(t.Context(), syscalls.Program{Args: []string{os.Args[0]}, Env: []string{writer + "=" + folder}, Folder: folder}, f)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("needs Linux on amd64")
	}
	require.NoError(t, err)
	return r, folder
}

func TestRunCountsTheChanges(t *testing.T) {
	t.Parallel()
	r, folder := run(t, nil)
	var names []string
	for _, c := range r.Calls {
		names = append(names, c.Name)
		assert.True(t, strings.HasPrefix(c.Path, folder), c.Path)
	}
	assert.Equal(t, []string{"openat", "write", "fsync", "renameat"}, names)
	assert.Equal(t, "create <nil>\nwrite <nil>\nsync <nil>\nrename <nil>\nread <nil>\n", r.Stdout)
	assert.Zero(t, r.Code)
}

func TestRunAppliesTheFault(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault syscalls.Fault
		// failed are the changes that fail, by the word of their error.
		failed map[string]string
		killed bool
		files  []string
	}{
		{"EIO at the write", syscalls.Fault{Kind: syscalls.IOError, At: 2}, map[string]string{"write": "input/output error"}, false, []string{"b"}},
		{"EIO at the sync", syscalls.Fault{Kind: syscalls.IOError, At: 3}, map[string]string{"sync": "input/output error"}, false, []string{"b"}},
		{"no space once", syscalls.Fault{Kind: syscalls.NoSpaceOnce, At: 3}, map[string]string{"sync": "no space"}, false, []string{"b"}},
		{"no space from the write on", syscalls.Fault{Kind: syscalls.NoSpaceFrom, At: 2}, map[string]string{"write": "no space", "sync": "no space", "rename": "no space", "read": "no such file"}, false, []string{"a"}},
		{"kill before the rename", syscalls.Fault{Kind: syscalls.Kill, At: 4}, nil, true, []string{"a"}},
		{"kill before the first change", syscalls.Fault{Kind: syscalls.Kill, At: 1}, nil, true, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, folder := run(t, &test.fault)
			assert.Equal(t, test.killed, r.Killed)
			for line := range strings.Lines(r.Stdout) {
				change, err, _ := strings.Cut(strings.TrimSpace(line), " ")
				if want := test.failed[change]; want != "" {
					assert.Contains(t, err, want)
				} else {
					assert.Equal(t, "<nil>", err, change)
				}
			}
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			var files []string
			for _, e := range entries {
				files = append(files, e.Name())
			}
			assert.Equal(t, test.files, files)
		})
	}
}
