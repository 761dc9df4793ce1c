package command

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// Whatever is in the place of a file of a model or a training, the commands that look at it
// take no more than 64 MiB and do not wait. They run in a process that does nothing else.
func TestLooksNeedLittleMemory(t *testing.T) {
	const child = "TFKEEP_TEST_LOOK_MEMORY"
	if os.Getenv(child) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLooksNeedLittleMemory$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	for _, m := range []struct {
		model string
		files []string
		verbs [][]string
	}{
		{
			"words",
			[]string{"saved_model.pb", "fingerprint.pb", "tfkeep_manifest.json", "assets/words.txt", "assets/more", "variables/variables.index", "variables/variables.data-00000-of-00001"},
			[][]string{{"ls"}, {"show"}, {"verify"}, {"savedmodel", "show", "--all"}, {"savedmodel", "scan"}},
		},
		{
			"linear",
			[]string{"checkpoint", "checkpoint.tfkeep-lock", "model-2", "model-2.index", "model-2.data-00000-of-00001", "model-2.meta"},
			[][]string{{"ls"}, {"show"}, {"verify"}, {"latest"}, {"stats"}},
		},
	} {
		for _, file := range m.files {
			for _, p := range tftest.Planted {
				t.Run(p.Name+"/"+file, func(t *testing.T) {
					dir := tftest.Model(t, m.model)
					path := filepath.Join(dir, file)
					require.NoError(t, os.RemoveAll(path))
					require.NoError(t, p.Plant(path))
					limited, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					grown, err := procmem.Growth(func() {
						for _, verb := range m.verbs {
							var out bytes.Buffer
							code := Run(limited, append(verb[:len(verb):len(verb)], dir), &out, &out)
							assert.Less(t, code, 2, "%s: %s", verb, out.String())
						}
					})
					require.NoError(t, err)
					assert.Less(t, grown, int64(64<<20))
					require.NoError(t, limited.Err())
				})
			}
		}
	}
}
