package freeze_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// Writes graphs with several Savers, one checkpoint that has all keys, and what TensorFlow
// computes after each Saver has restored, and what its freeze_graph makes of the graph.
const savers = `
from tensorflow.python.tools import freeze_graph
result = {}
for flavor in ("ref", "resource"):
    (tf1.disable_resource_variables if flavor == "ref" else tf1.enable_resource_variables)()
    for kind in ("averages first", "all first", "averages alone", "exchanged", "subset first"):
        folder = os.path.join(args[0], flavor + " " + kind); os.makedirs(folder)
        path = lambda n: os.path.join(folder, n)
        with tf.Graph().as_default() as g, tf1.Session() as sess:
            a, b = tf1.get_variable("a", initializer=2.0), tf1.get_variable("b", initializer=5.0)
            ema = tf1.train.ExponentialMovingAverage(0.5)
            apply = ema.apply([a, b])
            tf.add(a * 10.0, b, name="y")
            everything = lambda: tf1.train.Saver(tf1.global_variables(), name="all")
            averages = lambda: tf1.train.Saver(ema.variables_to_restore([a, b]), name="averages")
            made = {"averages first": lambda: [averages(), everything()], "all first": lambda: [everything(), averages()],
                    "averages alone": lambda: [averages()], "exchanged": lambda: [tf1.train.Saver({"a": b, "b": a}, name="exchanged")],
                    "subset first": lambda: [tf1.train.Saver({"b": a}, name="subset"), everything()]}[kind]()
            init = lambda: [sess.run(v.initializer) for v in tf1.global_variables()]
            init()
            sess.run([a.assign(3.0), b.assign(7.0)]); sess.run(apply)
            with open(path("graph.pb"), "wb") as f: f.write(g.as_graph_def().SerializeToString())
            prefix = path("model")
            with tf.Graph().as_default(), tf1.Session() as other:  # saved by names
                vs = {v.op.name: sess.run(v) for v in [a, b] + [x for x in [ema.average(a), ema.average(b)]]}
                copies = [tf1.get_variable(n, initializer=float(v)) for n, v in vs.items()]
                other.run(tf1.global_variables_initializer())
                tf1.train.Saver(copies).save(other, prefix, write_meta_graph=False)
            restored = []
            for i, s in enumerate(made):
                with open(path("saver%d.pb" % i), "wb") as f: f.write(s.as_saver_def().SerializeToString())
                init()
                s.restore(sess, prefix)
                restored.append(float(sess.run("y:0")))
        try:
            with tf.Graph().as_default():
                frozen = freeze_graph.freeze_graph_with_def_protos(tf1.GraphDef.FromString(open(path("graph.pb"), "rb").read()), None, prefix, "y", None, None, "", True, "")
                tf.import_graph_def(frozen, name="")
                with tf1.Session() as s: tool = float(s.run("y:0"))
        except Exception as e:
            tool = None
        result[flavor + " " + kind] = {"restored": restored, "tool": tool}
tf1.enable_resource_variables()
`

func TestSaversThatDisagree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := map[string]struct {
		Restored []float64
		Tool     *float64
	}{}
	oracle.Run(t, savers, dir).Decode(t, &want)
	require.Len(t, want, 10)
	var frozen []string
	var values []float64
	add := func(name string, o *freeze.Options, value float64) freeze.Report {
		o.Outputs = []string{"y"}
		plan, err := freeze.FromGraph(t.Context(), filepath.Join(dir, name, "graph.pb"), filepath.Join(dir, name, "model"), o)
		require.NoError(t, err, name)
		defer plan.Close()
		frozen = append(frozen, filepath.Join(t.TempDir(), "frozen.pb"))
		require.NoError(t, plan.WriteFile(t.Context(), frozen[len(frozen)-1], nil))
		values = append(values, value)
		return plan.Report()
	}
	for name, w := range want {
		saver := func(i string) *freeze.Options {
			sd, err := graphdef.ReadSaverDef(filepath.Join(dir, name, "saver"+i+".pb"))
			require.NoError(t, err)
			return &freeze.Options{SaverDef: sd}
		}
		switch name[len(name)-5:] {
		case "first": // names win, as in TensorFlow's tool
			if w.Tool != nil {
				assert.NotEqual(t, w.Restored[0], w.Restored[1])
			}
			whole := max(w.Restored[0], w.Restored[1]) // the averages lag behind
			if name[len(name)-12:] == "subset first" {
				whole = w.Restored[1]
			}
			if w.Tool != nil {
				assert.InDelta(t, *w.Tool, whole, 1e-6, name)
			}
			report := add(name, &freeze.Options{}, whole)
			assert.Equal(t, "a", report.Frozen[0].Key)
			assert.NotEmpty(t, report.Frozen[0].Others, "the report says that there was a choice")
			for i, v := range w.Restored {
				if name[len(name)-12:] != "subset first" || i == 1 {
					report := add(name, saver(string(rune('0'+i))), v)
					assert.Empty(t, report.Frozen[0].Others)
				}
			}
		default: // the only saver says what the keys are
			add(name, &freeze.Options{}, w.Restored[0])
		}
	}
	got := oracle.Value[[]float64](t, `
result = []
for path in args[0]:
    with tf.Graph().as_default(), tf1.Session() as s:
        tf.import_graph_def(tf1.GraphDef.FromString(open(path, "rb").read()), name="")
        result.append(float(s.run("y:0")))
`, frozen)
	assert.InDeltaSlice(t, values, got, 1e-6)
}

// Nothing is written where a value would be guessed.
func TestBadSaversAreRefused(t *testing.T) {
	t.Parallel()
	const head = `
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "v" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape {} } } }
node { name: "w" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape {} } } }
node { name: "y" op: "Add" input: "v" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "save/Const" op: "Const" }
`
	restore := func(name, keys string, vars ...string) string {
		text := `node { name: "` + name + `" op: "RestoreV2" input: "save/Const" input: "` + keys + `" input: "slices" attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT } } } }`
		for i, v := range vars {
			text += `node { name: "` + name + `/assign_` + string(rune('0'+i)) + `" op: "Assign" input: "` + v + `" input: "` + name + `:` + string(rune('0'+i)) + `" }`
		}
		return text
	}
	two := `node { name: "slices" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: "" } } } }`
	keys := func(name, a, b string) string {
		return `node { name: "` + name + `" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: "` + a + `" string_val: "` + b + `" } } } }`
	}
	sum := func(crc uint32) checkpoint.TensorInfo {
		info := floats()
		info.CRC32C = crc
		return info
	}
	src := memory{"a": sum(1), "b": sum(2), "v": sum(3), "w": sum(4)}
	for _, c := range []struct{ name, text, says string }{
		{"two nodes for one key", keys("k", "a", "a") + restore("save/r", "k", "v", "w"), `v: the saver restores "a" into w too`},
		{"two keys for one node", keys("k", "a", "b") + restore("save/r", "k", "v", "v"), `v: the graph names "a" and "b" for it`},
		{"computed keys", `node { name: "k" op: "StringJoin" }` + restore("save/r", "k", "v", "w"), "v: its key is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := freeze.New(t.Context(), graph(t, head+two+c.text), src, &freeze.Options{Outputs: []string{"y"}})
			require.ErrorIs(t, err, tfkeep.ErrUnsupported)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// TensorFlow's loader runs the init op of a model after it has restored the variables.
func TestInitOpThatWritesIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	oracle.Run(t, `
tf1 = tf.compat.v1
def save(name, kind):
    (tf1.disable_control_flow_v2 if kind == "switch" else tf1.enable_control_flow_v2)()
    with tf1.Graph().as_default(), tf1.Session() as s:
        x = tf1.placeholder(tf.float32, [2], name="x")
        v, other = [tf1.get_variable(n, initializer=[1., 1.], use_resource=True) for n in ("v", "other")]
        tf.identity(x * v, name="y")
        five = tf.constant([5., 5.])
        op = other.assign(five).op if kind == "other" else v.assign(five).op
        if kind in ("function", "switch"):
            def change():
                with tf.control_dependencies([v.assign(five).op]):
                    return tf.identity(five)
            op = tf1.cond(tf1.placeholder_with_default(True, []), change, lambda: five).op
        s.run(tf1.global_variables_initializer())
        b = tf1.saved_model.Builder(args[0] + "/" + name)
        b.add_meta_graph_and_variables(s, ["serve"], main_op=tf.group(op))
        b.save()
for kind in ("other", "plain", "function", "switch"):
    save(kind, kind)
tf1.enable_control_flow_v2()
result = None
`, dir)
	for _, kind := range []string{"other", "plain", "function", "switch"} {
		p, err := freeze.FromSavedModel(t.Context(), filepath.Join(dir, kind), &freeze.Options{Outputs: []string{"y"}})
		if kind == "other" {
			require.NoError(t, err)
			require.NoError(t, p.Close())
			continue
		}
		require.ErrorIs(t, err, tfkeep.ErrUnsupported, kind)
		assert.ErrorContains(t, err, "whenever the model is loaded", kind)
	}
}
