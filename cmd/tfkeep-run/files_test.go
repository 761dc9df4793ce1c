//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// An input file that is a pipe, a device, a folder or endless is refused at once.
func TestInputFilesAreRegular(t *testing.T) {
	model, dir := tftest.Model(t, "half_plus_two"), t.TempDir()
	for _, ext := range []string{".json", ".npy", ".npz"} {
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"+ext), 0o644))
		require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "zero"+ext)))
		require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"+ext), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "hole"+ext), nil, 0o644))
		require.NoError(t, os.Truncate(filepath.Join(dir, "hole"+ext), 1<<40))
	}
	for kind, want := range map[string]string{"pipe": "a named pipe", "zero": "a device", "folder": "a directory", "hole": ""} {
		for _, ext := range []string{".json", ".npy", ".npz"} {
			file := filepath.Join(dir, kind+ext)
			code, _, errs := tfkeepRun(t, "", model, "--input", "x=@"+file)
			assert.Equal(t, cli.ExitFailed, code, file)
			assert.Contains(t, errs, want, file)
			if ext == ".json" {
				code, _, errs := tfkeepRun(t, "", model, "--inputs", file)
				assert.Equal(t, cli.ExitFailed, code, file)
				assert.Contains(t, errs, want, file)
			}
		}
	}
	pipe := filepath.Join(dir, "pipe.json")
	code, _, errs := tfkeepRun(t, "", pipe, "--input", "x=[[1]]")
	assert.Equal(t, cli.ExitFailed, code, errs)
}
