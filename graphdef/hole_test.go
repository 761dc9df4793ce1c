package graphdef_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
)

func TestReadRefusesGraphOfHoles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("not all file systems here make holes")
	}
	name := filepath.Join(t.TempDir(), "m.meta")
	require.NoError(t, os.WriteFile(name, nil, 0o644))
	require.NoError(t, os.Truncate(name, 1<<31-2))
	_, err := graphdef.ReadMetaGraphDef(name, nil)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	_, err = graphdef.ReadGraphDef(name)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
}
