package capi

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/status"
)

func TestDocsNameOldestLibrary(t *testing.T) {
	for _, c := range []struct {
		file, text string
	}{
		{"../README.md", "TensorFlow " + minVersion + " or newer"},
		{"../docs/libtensorflow.md", "Version " + minVersion + " is the oldest"},
		{"../scripts/libtensorflow.sh", "oldest=" + minVersion + ".0"},
	} {
		text, err := os.ReadFile(c.file)
		require.NoError(t, err)
		assert.Contains(t, string(text), c.text, c.file)
	}
}

func TestVersionsCompareAsNumbers(t *testing.T) {
	for _, c := range []struct {
		version, least string
		want           bool
	}{
		{"2.21.0", "2.14", true}, {"2.14.0", "2.14", true}, {"2.14.0-rc1", "2.14", true}, {"3.0", "2.14", true},
		{"2.9.1", "2.14", false}, {"1.15.5", "2.14", false}, {"", "2.14", false}, {"unknown", "2.14", false},
	} {
		assert.Equal(t, c.want, atLeast(c.version, c.least), c.version)
	}
}

func TestFindLayout(t *testing.T) {
	assert.NoError(t, findLayout())
}

func TestSetLogLevelRefusesUnknownLevels(t *testing.T) {
	require.ErrorIs(t, SetLogLevel(4), status.InvalidArgument)
	require.ErrorIs(t, SetLogLevel(-1), status.InvalidArgument)
}
