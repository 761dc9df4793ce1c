//go:build unix

package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// The name of a file may have sequences that control a terminal, and line breaks that make
// one name look like two.
func TestNamesOfFilesControlNoTerminal(t *testing.T) {
	t.Parallel()
	const evil = "m\x1b[2J\x07\u202e\nforged"
	folder := t.TempDir()
	prefix := filepath.Join(folder, evil)
	tftest.WriteCheckpoint(t, prefix, nil, []checkpoint.Tensor{tftest.RandomTensor(1, "v"+evil, 1, 2)})
	require.NoError(t, dir.UpdateState(t.Context(), folder, dir.State{
		ModelCheckpointPath: prefix, AllModelCheckpointPaths: []string{filepath.Join(folder, "gone"+evil), prefix},
	}, nil))
	graph := filepath.Join(folder, "g"+evil+".pbtxt")
	require.NoError(t, os.WriteFile(graph, []byte(`node { name: "x" op: "NoOp" }`), 0o644))
	damaged := t.TempDir()
	tftest.WriteCheckpoint(t, filepath.Join(damaged, evil), nil, []checkpoint.Tensor{tftest.RandomTensor(1, "v", 1, 2)})
	require.NoError(t, os.Remove(filepath.Join(damaged, evil+".data-00000-of-00001")))
	require.NoError(t, dir.UpdateState(t.Context(), damaged, dir.State{ModelCheckpointPath: filepath.Join(damaged, evil)}, nil))

	out := good(t, "latest", folder)
	assert.Equal(t, folder+`/m\x1b[2J\a\u202e\nforged`+"\n", out)
	for _, args := range [][]string{
		{"latest", "--verified", folder}, {"latest", "--verified", damaged}, {"latest", filepath.Join(folder, "absent"+evil)},
		{"verify", folder}, {"verify", damaged}, {"ls", prefix}, {"show", prefix}, {"stats", prefix}, {"cat", prefix, "v" + evil}, {"diff", prefix, prefix + "-absent"},
		{"convert", prefix, filepath.Join(t.TempDir(), evil) + ".npz"}, {"convert", graph, filepath.Join(t.TempDir(), evil) + ".pb"},
		{"graph", "check", graph}, {"graph", "clear-devices", graph, filepath.Join(t.TempDir(), evil) + ".pb"}, {"show", graph}, {"show", graph + "-absent"},
		{"show", "--tensorboard", filepath.Join(t.TempDir(), evil), graph}, {"savedmodel", "show", folder + evil}, {evil}, {"ls", "--" + evil},
	} {
		_, out, errs := execute(t, args...)
		shown := strings.Join(args, " ")
		for _, c := range []string{"\x1b", "\x07", "\u202e"} {
			assert.NotContains(t, out, c, shown)
			assert.NotContains(t, errs, c, shown)
		}
		assert.NotContains(t, out, "\nforged", shown)
	}
}
