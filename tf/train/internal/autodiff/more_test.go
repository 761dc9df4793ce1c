package autodiff_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// compositions returns the graphs in testdata/more. A line "### name | words" begins each. The
// words say: v1 or v2 for the version of control flow, rc for a scope "block" that is computed
// again, and quick for those that always run. TFKEEP_GRADIENTS_MORE=1 runs all of them, and other
// values those with the value in their name.
func compositions(t *testing.T) (scripts [][]string, recompute map[string]bool) {
	t.Helper()
	files, err := filepath.Glob("testdata/more/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	recompute = make(map[string]bool)
	more := os.Getenv("TFKEEP_GRADIENTS_MORE")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, c := range strings.Split("\n"+string(raw), "\n### ")[1:] {
			head, body, _ := strings.Cut(c, "\n")
			name, flags, _ := strings.Cut(head, " | ")
			words := strings.Fields(flags)
			if !slices.Contains(words, "quick") && more != "1" && (more == "" || !strings.Contains(name, more)) {
				continue
			}
			before := "tf1.disable_control_flow_v2()\n"
			switch {
			case slices.Contains(words, "v1"):
				before = loopPrologue
			case slices.Contains(words, "v2"):
				before = "tf1.enable_control_flow_v2()\n"
			}
			recompute[name] = slices.Contains(words, "rc")
			scripts = append(scripts, []string{name, prologue + before + body + epilogue})
		}
	}
	return scripts, recompute
}

// Compositions of operations, control flow of both ages, functions, slices and scopes that are
// computed again have the gradients of Python: the same ones are missing, the same ones are
// slices, and the values agree.
func TestCompositionsMatchPython(t *testing.T) {
	scripts, recompute := compositions(t)
	r, err := oracle.TryFor(t, 20*time.Minute, `
import traceback
result = []
for name, script in args[0]:
    names = dict(tf=tf, tf1=tf1, np=np)
    try:
        with tf.Graph().as_default():
            exec(script, names)
        result.append({"name": name, "model": names["result"]})
    except Exception:
        result.append({"name": name, "error": traceback.format_exc()[-900:]})
tf1.disable_control_flow_v2()
`, scripts)
	require.NoError(t, err)
	var all []struct {
		Name, Error string
		Model       json.RawMessage
	}
	r.Decode(t, &all)
	require.Len(t, all, len(scripts))
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			require.Empty(t, c.Error, "Python")
			var m model
			require.NoError(t, json.Unmarshal(c.Model, &m))
			var o autodiff.Options
			if recompute[c.Name] {
				o.Recompute = []string{"block"}
			}
			sameGradientsWith(t, m, o)
			assert.NotEmpty(t, m.Grads)
		})
	}
}

// The exits of a loop with back_prop=False have gradients themselves, and pass none into the loop.
func TestExitsWithoutBackPropAreXs(t *testing.T) {
	m := pythonModel(t, loopPrologue+`
c, w = f(3), v("w", 3)
loop = tf1.while_loop(lambda i, a, b: i < 3, lambda i, a, b: (i + 1, a * b, b + a * w), [0, c, tf.sin(c)], back_prop=False, name="loop")
y = tf.reduce_sum(loop[1] * loop[2] * w)
xs = [c, loop[1], loop[2], w]
`)
	sameGradientsWith(t, m, autodiff.Options{Loops: map[string]autodiff.Loop{"loop/while_context": {NoGradient: true}}})
}
