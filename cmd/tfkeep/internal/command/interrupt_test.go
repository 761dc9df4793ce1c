package command

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
)

// cancelOnWrite cancels at the first message, like a user who presses Ctrl-C.
type cancelOnWrite struct {
	io.Writer
	cancel context.CancelFunc
}

func (c cancelOnWrite) Write(p []byte) (int, error) {
	c.cancel()
	return c.Writer.Write(p)
}

func TestLatestVerifiedStopsAtInterrupt(t *testing.T) {
	inFixture(t, "train/model-1", fixture())
	save(t, "train/model-2", fixture())
	state := dir.State{ModelCheckpointPath: "train/model-2", AllModelCheckpointPaths: []string{"train/model-1", "train/model-2"}}
	require.NoError(t, dir.UpdateState(t.Context(), "train", state, &dir.StateOptions{SaveRelativePaths: true}))
	flipByte(t, "train/model-2.data-00000-of-00001", 0)
	assert.Contains(t, func() string { _, out, _ := execute(t, "latest", "--verified", "train"); return out }(), "model-1")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := Run(ctx, []string{"latest", "--verified", "train"}, &stdout, cancelOnWrite{&stderr, cancel})
	assert.NotEqual(t, cli.ExitOK, code)
	assert.Empty(t, stdout.String(), "model-1 is not read any more")
}
