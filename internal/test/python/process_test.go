package python

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake returns the path of a shell script that serves as the interpreter.
func fake(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return path
}

func TestStartWithoutTensorFlow(t *testing.T) {
	t.Parallel()
	_, err := Start(fake(t, `echo "No module named 'tensorflow'" >&2; exit 1`))
	require.ErrorContains(t, err, "No module named 'tensorflow'")
	assert.NotErrorIs(t, err, ErrTimeout)

	_, err = Start(filepath.Join(t.TempDir(), "nowhere"))
	require.ErrorContains(t, err, "nowhere")
}

func TestRunWrongAnswerEndsProcess(t *testing.T) {
	t.Parallel()
	p, err := Start(fake(t, `echo '{"ready": "2.21"}'; read line; echo '{"id": 7}'; sleep 60`))
	require.NoError(t, err)
	_, err = p.Run(Script{Text: "pass"})
	require.ErrorContains(t, err, "answer 7 to request 1")
	assert.True(t, p.Ended())
	_, err = p.Run(Script{Text: "pass"})
	require.ErrorContains(t, err, "answer 7 to request 1")
}

func TestClose(t *testing.T) {
	t.Parallel()
	p, err := Start(fake(t, `echo '{"ready": "2.21"}'; sleep 60`))
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	_, err = p.Run(Script{Text: "pass"})
	require.ErrorContains(t, err, "closed")
}

func TestTailKeepsTheEnd(t *testing.T) {
	t.Parallel()
	var out tail
	for range tailBytes {
		_, err := out.Write([]byte("0123456789"))
		require.NoError(t, err)
	}
	assert.Len(t, out.String(), tailBytes)
	assert.Equal(t, "6789", out.String()[tailBytes-4:])
}
