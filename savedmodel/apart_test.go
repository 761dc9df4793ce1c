package savedmodel_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// twoModels makes models that add their variable to x: 1 and 100. The second one's variable
// has the name args[2].
const twoModels = `
def model(folder, name, value, resource):
    with tf1.Graph().as_default(), tf1.Session() as s:
        x = tf1.placeholder(tf.float32, [], "x")
        v = tf1.get_variable(name, [], initializer=tf1.constant_initializer(value), use_resource=resource)
        y = tf.add(x, v, name="y")
        s.run(tf1.global_variables_initializer())
        tf1.saved_model.simple_save(s, folder, {"x": x}, {"y": y})
model(args[0] + "/a", "v", 1., args[1])
model(args[0] + "/b", args[2], 100., args[1])
`

func TestTwoModelsInOneSession(t *testing.T) {
	for _, c := range []struct {
		name, second string // of the second model's variable
		resource     bool
		scope        string
		refused      string
	}{
		{name: "refs without a scope", second: "v", refused: "nodes of the same names already: "},
		{name: "resources without a scope", second: "v", resource: true, refused: "set LoadOptions.ImportScope"},
		{name: "other variables without a scope", second: "w", refused: "nodes of the same names already: "},
		{name: "an open scope", second: "v", scope: "a/"},
		{name: "refs in a scope", second: "v", scope: "two"},
		{name: "resources of one name", second: "v", resource: true, scope: "two", refused: `shared_name "v"; load the model into a session of its own`},
		{name: "resources of two names", second: "w", resource: true, scope: "two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			oracle.Run(t, twoModels, dir, c.resource, c.second)
			sess := session(t, nil)
			a, err := savedmodel.Load(ctx, sess, nil, filepath.Join(dir, "a"), nil)
			require.NoError(t, err)
			defer a.Close()
			nodes := len(sess.Graph().Operations())
			b, err := savedmodel.Load(ctx, sess, nil, filepath.Join(dir, "b"), &savedmodel.LoadOptions{ImportScope: c.scope})
			assert.Equal(t, float32(2), predicted(t, a))
			if c.refused != "" {
				require.ErrorIs(t, err, tfkeep.ErrExists)
				require.ErrorContains(t, err, c.refused)
				require.ErrorContains(t, err, filepath.Join(dir, "b"))
				assert.Len(t, sess.Graph().Operations(), nodes)
				return
			}
			require.NoError(t, err)
			defer b.Close()
			assert.Equal(t, float32(101), predicted(t, b))
			assert.Equal(t, float32(2), predicted(t, a))
		})
	}
}

// predicted returns the y of a model of twoModels for x = 1.
func predicted(t *testing.T, m *savedmodel.Model) float32 {
	t.Helper()
	x, err := tf.NewTensor(float32(1))
	require.NoError(t, err)
	defer tf.Release(x)
	got, err := m.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": x})
	require.NoError(t, err)
	defer tf.Release(got["y"])
	return got["y"].Value().(float32)
}

func TestNoTagsMeansOneThing(t *testing.T) {
	for _, c := range []struct {
		name string
		sets [][]string // the tags of each graph
		want string     // the variable of the graph that is meant; "" for none
	}{
		{"one graph", [][]string{{"train"}}, "v0"},
		{"one graph without tags", [][]string{{}}, "v0"},
		{"serve among others", [][]string{{"train"}, {"serve"}}, "v1"},
		{"without tags among others", [][]string{{"serve"}, {"train"}, {}}, "v2"},
		{"neither", [][]string{{"train"}, {"serve", "gpu"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "m")
			oracle.Run(t, `
b = tf1.saved_model.Builder(args[0])
for i, tags in enumerate(args[1]):
    with tf1.Graph().as_default(), tf1.Session() as s:
        for k in range(len(args[1])) if i == 0 else [i]:
            v = tf1.get_variable("v%d" % k, [], initializer=tf1.zeros_initializer(), use_resource=False)
            if k == i:
                tf.identity(v, "y")
        s.run(tf1.global_variables_initializer())
        if i == 0:
            b.add_meta_graph_and_variables(s, tags)
        else:
            b.add_meta_graph(tags)
b.save()`, dir, c.sets)
			check := func(variable string, err error) {
				t.Helper()
				if c.want == "" {
					require.ErrorIs(t, err, tfkeep.ErrNotFound)
					require.ErrorContains(t, err, "no tags are given")
					require.ErrorContains(t, err, "{gpu, serve}")
					return
				}
				require.NoError(t, err)
				assert.Equal(t, c.want, variable)
			}
			read := func(m *savedmodel.Model, err error) (string, error) {
				if err != nil {
					return "", err
				}
				defer m.Close()
				for _, n := range m.MetaGraphDef.GraphDef.Node {
					if n.Name == "y" {
						return filepath.Dir(n.Input[0]), nil // "v0/read"
					}
				}
				return "", nil
			}
			check(read(savedmodel.Open(ctx, dir, nil)))
			check(read(savedmodel.Load(ctx, session(t, nil), nil, dir, nil)))
			plan, err := freeze.FromSavedModel(ctx, dir, &freeze.Options{Outputs: []string{"y"}})
			frozen := ""
			if err == nil {
				defer plan.Close()
				frozen = plan.Report().Frozen[0].Name
			}
			check(frozen, err)
		})
	}
}

func TestLoadNamesFileThatDoesNotParse(t *testing.T) {
	for _, c := range []struct{ name, file, content string }{
		{"binary", "saved_model.pb", "\x0a\xff\xff\xff\xff\x0fgarbage\x00"},
		{"text", "saved_model.pbtxt", "meta_graphs { what: 1 }"},
		{"empty", "saved_model.pb", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, c.file)
			require.NoError(t, os.WriteFile(file, []byte(c.content), 0o600))
			_, err := savedmodel.Open(ctx, dir, nil)
			require.ErrorIs(t, err, tfkeep.ErrCorrupt)
			require.ErrorContains(t, err, file)
			_, err = savedmodel.Load(ctx, session(t, nil), nil, dir, nil)
			require.ErrorIs(t, err, tfkeep.ErrCorrupt)
			require.ErrorContains(t, err, file)
		})
	}
}

func TestChunkedModelIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "saved_model.cpb"), []byte("chunks"), 0o600))
	_, err := savedmodel.Open(ctx, dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	require.ErrorContains(t, err, "saved_model.cpb")
	require.ErrorContains(t, err, "experimental_image_format")
}
