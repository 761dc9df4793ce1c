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
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// A planted link under the name of an output, or of its temporary file, leads nowhere: the
// file behind it stays, and nothing appears elsewhere.
func TestOutputsFollowNoPlantedLink(t *testing.T) {
	t.Parallel()
	in := t.TempDir()
	source := filepath.Join(in, "m")
	tftest.WriteCheckpoint(t, source, nil, []checkpoint.Tensor{tftest.RandomTensor(1, "v", 1, 2)})
	graph := filepath.Join(in, "g.pbtxt")
	require.NoError(t, os.WriteFile(graph, []byte(`node { name: "x" op: "NoOp" }`), 0o644))
	for _, verb := range []struct {
		name  string
		args  []string // OUT is the output
		files []string // that are written, from OUT
	}{
		{"V2", []string{"convert", "--force", source, "OUT"}, []string{".index", ".index.tfkeep-tmp", ".data-00000-of-00001", ".data-00000-of-00001.tfkeep-tmp"}},
		{"V1", []string{"convert", "--force", "--to", "v1", source, "OUT"}, []string{"", ".tfkeep-tmp"}},
		{"npz", []string{"convert", "--force", source, "OUT.npz"}, []string{".npz", ".npz.tfkeep-tmp"}},
		{"safetensors", []string{"convert", "--force", source, "OUT.safetensors"}, []string{".safetensors", ".safetensors.tfkeep-tmp"}},
		{"graph", []string{"convert", "--force", graph, "OUT.pb"}, []string{".pb", ".pb.tfkeep-tmp"}},
		{"draw", []string{"graph", "draw", "--force", graph, "OUT.svg"}, []string{".svg", ".svg.tfkeep-tmp"}},
		{"clear devices", []string{"graph", "clear-devices", "--force", graph, "OUT.pb"}, []string{".pb", ".pb.tfkeep-tmp"}},
	} {
		for _, file := range verb.files {
			for _, dangling := range []bool{false, true} {
				folder, home := t.TempDir(), t.TempDir()
				victim := filepath.Join(home, "victim")
				require.NoError(t, os.WriteFile(victim, []byte("mine"), 0o644))
				to := victim
				if dangling {
					to += "-new"
				}
				out := filepath.Join(folder, "o")
				require.NoError(t, os.Symlink(to, out+file))
				args := make([]string, len(verb.args))
				for i, a := range verb.args {
					args[i] = a
					if rest, ok := strings.CutPrefix(a, "OUT"); ok {
						args[i] = out + rest
					}
				}
				code, _, errs := execute(t, args...)
				assert.NotEqual(t, 2, code, "%s: %s", verb.name, errs)
				content, err := os.ReadFile(victim)
				require.NoError(t, err)
				assert.Equal(t, "mine", string(content), "%s through %s", verb.name, file)
				assert.NoFileExists(t, victim+"-new", "%s through %s", verb.name, file)
			}
		}
	}
}
