package oracle

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValueRoundTrip(t *testing.T) {
	type answer struct {
		Sum   []float64
		Bytes []byte
		Name  string
		Deep  map[string][]int
	}
	got := Value[answer](t, `
		a, b, name = args
		result = {
		    "Sum": np.array(a) * np.float32(2),
		    "Bytes": b[::-1],
		    "Name": name,
		    "Deep": {"x": (1, np.int64(2))},
		}
	`, []float64{1, 2.5}, []byte{0, 255}, "naïve")
	assert.Equal(t, answer{Sum: []float64{2, 5}, Bytes: []byte{255, 0}, Name: "naïve", Deep: map[string][]int{"x": {1, 2}}}, got)
}

func TestBytesInListsAndMaps(t *testing.T) {
	got := Value[[][]byte](t, `result = [args[0][1], args[1]["k"]]`, [][]byte{{1}, {2}}, map[string][]byte{"k": {3}})
	assert.Equal(t, [][]byte{{2}, {3}}, got)
}

func TestScriptsStartWithAnEmptyGraph(t *testing.T) {
	const script = `
		tf1.get_variable("v", [2], initializer=tf1.zeros_initializer())
		result = [v.name for v in tf1.global_variables()]
	`
	for range 2 {
		assert.Equal(t, []string{"v:0"}, Value[[]string](t, script))
	}
	_, err := Try(t, `v`)
	require.Error(t, err, "the names of the previous script are gone")
}

func TestSession(t *testing.T) {
	got := Value[float64](t, `
		with tf1.Session() as sess:
		    result = sess.run(tf.constant(2.0) * 3)
	`)
	assert.Equal(t, 6.0, got)
}

func TestEagerScripts(t *testing.T) {
	var eager bool
	RunEager(t, `result = tf.executing_eagerly()`).Decode(t, &eager)
	assert.True(t, eager)
	assert.False(t, Value[bool](t, `result = tf.executing_eagerly()`))
}

func TestExceptionsAreErrors(t *testing.T) {
	_, err := Try(t, `tf1.train.Saver()`)
	var raised *Error
	require.ErrorAs(t, err, &raised)
	assert.Equal(t, "ValueError", raised.Type)
	assert.Contains(t, raised.Message, "No variables to save")
	assert.Contains(t, raised.Traceback, "<script>")

	_, err = Try(t, `raise SystemExit(3)`)
	require.ErrorAs(t, err, &raised)
	assert.Equal(t, "SystemExit", raised.Type)
}

func TestResultWithoutJSON(t *testing.T) {
	var raised *Error
	_, err := Try(t, `result = float("nan")`)
	require.ErrorAs(t, err, &raised)
	_, err = Try(t, `result = object()`)
	require.ErrorAs(t, err, &raised)
	assert.Contains(t, raised.Message, "JSON cannot carry")

	_, err = Try(t, `pass`, math.Inf(1))
	assert.ErrorContains(t, err, "does not fit JSON")
}

func TestPrintsDoNotDisturbAnswers(t *testing.T) {
	got := Value[int](t, `
		print('{"id": 1, "result": 7}', flush=True)
		os.write(1, b'{"id": 2}\n')
		result = 42
	`)
	assert.Equal(t, 42, got)
}

func TestTimeoutAndExitStartNewProcess(t *testing.T) {
	Run(t, `import builtins; builtins.mark = True`)
	_, err := TryFor(t, 200*time.Millisecond, `
		import time
		time.sleep(60)
	`)
	require.ErrorIs(t, err, ErrTimeout)

	_, err = Try(t, `
		import builtins, sys
		print("last words", builtins.mark if hasattr(builtins, "mark") else "fresh", file=sys.stderr, flush=True)
		os._exit(7)
	`)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "exit status 7")
	assert.Contains(t, err.Error(), "last words fresh")

	assert.Equal(t, 1, Value[int](t, `result = 1`))
}

func TestMissingPythonNamesRemedy(t *testing.T) {
	t.Setenv("TFKEEP_PYTHON", filepath.Join(t.TempDir(), "python"))
	_, err := findPython()
	require.ErrorContains(t, err, "make setup")
}
