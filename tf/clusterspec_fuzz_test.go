package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tfkeep/tfkeep/tf"
)

// What is taken for a cluster is written so that it is read again as the same one.
func FuzzParseClusterSpec(f *testing.F) {
	for _, seed := range []string{
		"ps=a:2222,b:2222;worker=c:2222", "worker=3@c:2222,d:1", "ps=;worker=[::1]:0", "a=b:1;a=c:2", "=,;@:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := tf.ParseClusterSpec(text)
		if err != nil {
			require.ErrorIs(t, err, tf.ErrInvalidArgument)
			return
		}
		again, err := tf.ParseClusterSpec(spec.String())
		require.NoError(t, err, "%q", spec.String())
		assert.True(t, spec.Equal(again), "%q became %q", spec, again)
	})
}

// TF_CONFIG is the work of other programs.
func FuzzClusterFromEnv(f *testing.F) {
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
				return // no environment holds it
			}
		}
		t.Setenv("TF_CONFIG", text)
		spec, _, task, err := tf.ClusterFromEnv()
		if err != nil {
			return
		}
		assert.GreaterOrEqual(t, task, 0)
		again, err := tf.ParseClusterSpec(spec.String())
		require.NoError(t, err, "%q", spec.String())
		assert.True(t, spec.Equal(again))
	})
}
