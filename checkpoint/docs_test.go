package checkpoint

import (
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dumpOf returns the bytes of the hex dump on a page of docs/format.
func dumpOf(t *testing.T, page string) []byte {
	text, err := os.ReadFile("../docs/format/" + page)
	require.NoError(t, err)
	var out []byte
	for _, line := range regexp.MustCompile(`(?m)^\t([0-9a-f]{8})  ((?:[0-9a-f]{2} ?)+)$`).FindAllStringSubmatch(string(text), -1) {
		b, err := hex.DecodeString(strings.ReplaceAll(line[2], " ", ""))
		require.NoError(t, err)
		out = append(out, b...)
	}
	return out
}

func TestDocsExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version Version
		files   map[string][]byte
	}{
		{V2, map[string][]byte{"m.index": dumpOf(t, "table.md"), "m.data-00000-of-00001": dumpOf(t, "bundle.md")}},
		{V1, map[string][]byte{"m": dumpOf(t, "v1.md")}},
	} {
		got, err := readFS(c.files, &ReaderOptions{Strict: true})
		require.NoError(t, err, c.version)
		assert.Equal(t, appendFloats(nil, 1, 2), got["v"])
		if c.version == V2 {
			assert.Equal(t, [][]byte{[]byte("hi"), []byte("x")}, got["n"])
		}
	}
}
