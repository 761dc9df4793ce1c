package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFinetune(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, t.TempDir()))
	assert.Equal(t, []string{
		"pretrained: teacher",
		"took the dense layer by its scope",
		"restored teacher/dense/bias",
		"restored teacher/dense/kernel",
		"not restored: student/head/kernel has shape [32,10], the checkpoint has [32,2]",
		"",
	}, strings.Split(out.String(), "\n"))
}
