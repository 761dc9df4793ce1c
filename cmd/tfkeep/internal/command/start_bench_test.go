package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
)

// BenchmarkStart measures whole runs of the binary that "make cli" builds.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	binary := filepath.Join(dir, "tfkeep")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	size, err := os.Stat(binary)
	require.NoError(b, err)

	prefix := filepath.Join(dir, "model")
	w, err := checkpoint.Create(b.Context(), prefix, nil)
	require.NoError(b, err)
	defer w.Close()
	require.NoError(b, w.Add(b.Context(), fixture()...))
	require.NoError(b, w.Commit(b.Context()))

	for _, args := range [][]string{{"version"}, {"ls", prefix}, {"stats", prefix}, {"verify", prefix}} {
		b.Run(args[0], func(b *testing.B) {
			require.NoError(b, exec.Command(binary, args...).Run()) // so that the file is in the page cache
			for b.Loop() {
				require.NoError(b, exec.Command(binary, args...).Run())
			}
			b.ReportMetric(float64(size.Size())/1e6, "MB-binary")
		})
	}
}
