package cluster_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// FuzzParseSpec checks that every cluster that is read is the same after it is written and
// read again.
func FuzzParseSpec(f *testing.F) {
	for _, seed := range []string{
		"ps=a:2222,b:2222;worker=c:2222", "worker=3@c:2222,d:1", "ps=;worker=[::1]:0", "a=b:1;a=c:2", "=,;@:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := cluster.ParseSpec(text)
		if err != nil {
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			return
		}
		again, err := cluster.ParseSpec(spec.String())
		require.NoError(t, err, "%q", spec.String())
		assert.Equal(t, spec.String(), again.String())
	})
}

// FuzzFromEnv reads a TF_CONFIG, which other programs write.
func FuzzFromEnv(f *testing.F) {
	for _, seed := range []string{
		`{"cluster": {"ps": ["a:2222"], "worker": ["b:2222", "c:2222"]}, "task": {"type": "worker", "index": 1}}`,
		`{"cluster": {"worker": {"1": "c:2222"}}, "task": {"type": "worker", "index": "1"}}`,
		`{"cluster": {"ps": null}, "task": {"index": null}}`, `[]`, `{"task": 1}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i := range len(text) {
			if text[i] == 0 {
				return // an environment variable cannot have it
			}
		}
		t.Setenv("TF_CONFIG", text)
		spec, task, err := cluster.FromEnv()
		if err != nil {
			return
		}
		assert.GreaterOrEqual(t, task.Index, 0)
		again, err := cluster.ParseSpec(spec.String())
		require.NoError(t, err, "%q", spec.String())
		assert.Equal(t, spec.String(), again.String())
	})
}
