package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachRunContinues(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ckpt")
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, dir, 30))
	assert.Contains(t, out.String(), "starting from scratch")
	assert.Contains(t, out.String(), "saved model-30")

	out.Reset()
	require.NoError(t, run(context.Background(), &out, dir, 10))
	assert.Contains(t, out.String(), "continuing from model-30, step 30")

	// The newest checkpoint is damaged, so the run continues from the one before it.
	data := filepath.Join(dir, "model-40.data-00000-of-00001")
	require.NoError(t, os.Truncate(data, 1))
	out.Reset()
	require.NoError(t, run(context.Background(), &out, dir, 1))
	assert.Contains(t, out.String(), "skipped "+filepath.Join(dir, "model-40"))
	assert.Contains(t, out.String(), "continuing from model-30, step 30")
}
