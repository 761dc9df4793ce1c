package saver_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Whatever is in the place of a file of a training's folder, nothing that reads the folder
// takes more than 64 MiB, or waits. It is read in a process that does nothing else.
func TestResumeNeedsLittleMemory(t *testing.T) {
	const child = "TFKEEP_TEST_RESUME_MEMORY"
	if os.Getenv(child) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestResumeNeedsLittleMemory$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	g, _, _ := model(t)
	sess := initialized(t, g)
	read := func(ctx context.Context, folder string) (errs []error) {
		s := newSaver(t, g, nil)
		_, err := s.Resume(ctx, sess, folder, nil)
		errs = append(errs, err, s.Close())
		_, err = dir.Latest(ctx, folder, nil)
		errs = append(errs, err)
		_, err = dir.List(ctx, folder, nil)
		errs = append(errs, err)
		_, err = dir.Sweep(ctx, folder, nil)
		errs = append(errs, err)
		r, err := checkpoint.Open(ctx, filepath.Join(folder, "m-2"), nil)
		if err == nil {
			err = r.Close()
		}
		errs = append(errs, err)
		_, err = saver.ImportMetaGraph(ctx, tf.NewGraph(), filepath.Join(folder, "m-2.meta"), nil)
		return append(errs, err)
	}
	first := t.TempDir()
	trained(t, first, 2)
	for _, file := range []string{"checkpoint", "checkpoint.tfkeep-lock", "m-2", "m-2.index", "m-2.data-00000-of-00001", "m-2.meta"} {
		for _, p := range tftest.Planted {
			t.Run(p.Name+"/"+file, func(t *testing.T) {
				folder := t.TempDir()
				require.NoError(t, os.CopyFS(folder, os.DirFS(first)))
				require.NoError(t, os.RemoveAll(filepath.Join(folder, file)))
				require.NoError(t, p.Plant(filepath.Join(folder, file)))
				limited, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				grown, err := procmem.Growth(func() { t.Log(read(limited, folder)) })
				require.NoError(t, err)
				t.Logf("%d MiB", grown>>20)
				assert.Less(t, grown, int64(64<<20))
				require.NoError(t, limited.Err())
			})
		}
	}
}
