package convert_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

const kerasModel = `
		def keras_model(scale):
			tf.keras.backend.clear_session()
			tf.keras.utils.set_random_seed(3)
			m = tf.keras.Sequential([tf.keras.Input([3]), tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(2)])
			m.set_weights([w * scale + scale for w in m.get_weights()])
			return m
		x = np.array([[1., 2., 3.], [-1., 0., 1.]], np.float32)
`

// tf1Model is the same network as a graph of TensorFlow 1, in a scope, saved in args[0].
const tf1Model = `
		def dense(x, units, name):
			with tf1.variable_scope(name):
				w = tf1.get_variable("kernel", [x.shape[1], units], initializer=tf1.random_normal_initializer(seed=1))
				return tf.matmul(x, w) + tf1.get_variable("bias", [units], initializer=tf1.random_normal_initializer(seed=2))
		x = tf1.placeholder(tf.float32, [None, 3], name="x")
		y = dense(tf.tanh(dense(x, 4, "dense")), 2, "dense_1")
		feed = {x: [[1., 2., 3.], [-1., 0., 1.]]}
		saver = tf1.train.Saver()
`

// TestTF1StartsFromKerasAndBack converts a Keras checkpoint to the names of a graph of
// TensorFlow 1, which Python's Saver restores, and the checkpoint of that graph to the objects
// of the Keras model, which Python restores with assert_consumed.
func TestTF1StartsFromKerasAndBack(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	var keras struct {
		Checkpoint string
		Want       [][]float32
	}
	oracle.RunEager(t, kerasModel+`
		m = keras_model(0.5)
		result = {"Checkpoint": tf.train.Checkpoint(model=m).save(args[0] + "/keras"), "Want": m(x).numpy()}
	`, dir).Decode(t, &keras)
	want1 := oracle.Value[[][]float32](t, tf1Model+`
		with tf1.Session() as s:
			s.run(tf1.global_variables_initializer())
			saver.save(s, args[0] + "/tf1")
			result = s.run(y, feed)
	`, dir)

	res, err := convert.Convert(t.Context(), keras.Checkpoint, at("start1"), &convert.Options{Names: &convert.Names{Like: at("tf1.meta")}})
	require.NoError(t, err)
	assert.Equal(t, 4, res.Tensors)
	assert.Empty(t, res.LeftOut)
	got1 := oracle.Value[[][]float32](t, tf1Model+`
		with tf1.Session() as s:
			saver.restore(s, args[0] + "/start1")
			result = s.run(y, feed)
	`, dir)
	for i := range got1 {
		assert.InDeltaSlice(t, keras.Want[i], got1[i], 1e-5)
	}

	for _, like := range []string{keras.Checkpoint, at("saved")} {
		if like == at("saved") {
			oracle.RunEager(t, kerasModel+`
		holder = tf.Module(); holder.model = keras_model(1.0)
		holder.f = tf.function(lambda: holder.model.weights[0], input_signature=[])
		tf.saved_model.save(holder, args[0] + "/saved")
			`, dir)
		}
		_, err = convert.Convert(t.Context(), at("tf1"), at("start2"), &convert.Options{Replace: true, Names: &convert.Names{Like: like}})
		require.NoError(t, err)
		var got2 [][]float32
		oracle.RunEager(t, kerasModel+`
		m = keras_model(2.0)
		status = tf.train.Checkpoint(model=m).restore(args[0] + "/start2")
		status.assert_existing_objects_matched().assert_consumed()
		result = m(x).numpy()
		`, dir).Decode(t, &got2)
		for i := range got2 {
			assert.InDeltaSlice(t, want1[i], got2[i], 1e-5, like)
		}
	}

	// A map alone gives the paths.
	_, err = convert.Convert(t.Context(), at("tf1"), at("start3"), &convert.Options{Names: &convert.Names{Map: map[string]string{
		"dense/kernel": "net/_functional/_operations/1/_kernel", "dense/bias": "net/_functional/_operations/1/bias",
		"dense_1/kernel": "net/_functional/_operations/2/_kernel", "dense_1/bias": "net/_functional/_operations/2/bias"}}})
	require.NoError(t, err)
	var got3 [][]float32
	oracle.RunEager(t, kerasModel+`
		m = keras_model(2.0)
		tf.train.Checkpoint(net=m).restore(args[0] + "/start3").assert_existing_objects_matched().assert_consumed()
		result = m(x).numpy()
	`, dir).Decode(t, &got3)
	for i := range got3 {
		assert.InDeltaSlice(t, want1[i], got3[i], 1e-5)
	}
}

// objectCheckpoint writes an object-based checkpoint of variables of one number each, by path
// and full name.
func objectCheckpoint(t *testing.T, variables map[string]string) string {
	t.Helper()
	g, err := objectgraph.New(variables)
	require.NoError(t, err)
	g = g.WithSaveCounter()
	text, err := g.Encode()
	require.NoError(t, err)
	tensors := []checkpoint.Tensor{{Name: objectgraph.Key, DType: dtype.String, Strings: [][]byte{text}}}
	for i, o := range g.Objects {
		for _, v := range o.Values {
			if v.Full == "save_counter" {
				tensors = append(tensors, checkpoint.Tensor{Name: v.Key, DType: dtype.Int64, Data: make([]byte, 8)})
				continue
			}
			tensors = append(tensors, checkpoint.Tensor{Name: v.Key, DType: dtype.Int32, Data: []byte{byte(i), 0, 0, 0}})
		}
	}
	return save(t, tensors...)
}

func named(t *testing.T, names ...string) string {
	t.Helper()
	var tensors []checkpoint.Tensor
	for i, name := range names {
		tensors = append(tensors, checkpoint.Tensor{Name: name, DType: dtype.Int32, Data: []byte{byte(i), 0, 0, 0}})
	}
	return save(t, tensors...)
}

func tensorNames(t *testing.T, prefix string) (names []string) {
	t.Helper()
	r, err := checkpoint.Open(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer r.Close()
	for info := range r.Tensors() {
		names = append(names, info.Name)
	}
	return names
}

func TestConvertNames(t *testing.T) {
	t.Parallel()
	keras := objectCheckpoint(t, map[string]string{"model/a/kernel": "net/dense/kernel", "model/b/kernel": "net/dense_1/kernel", "count": "Variable"})
	equal := objectCheckpoint(t, map[string]string{"x": "Variable", "y": "Variable", "z": "w"})
	object := func(path string) string { return path + "/.ATTRIBUTES/VARIABLE_VALUE" }
	const key, counter = objectgraph.Key, "save_counter/.ATTRIBUTES/VARIABLE_VALUE"
	for _, c := range []struct {
		name    string
		in      string
		names   convert.Names
		want    []string
		leftOut []string
		missing []string
	}{
		{"full names", keras, convert.Names{}, []string{"Variable", "net/dense/kernel", "net/dense_1/kernel"}, nil, nil},
		{"a map over full names", equal, convert.Names{Map: map[string]string{"x": "one", object("y"): "two"}}, []string{"one", "two", "w"}, nil, nil},
		{"like names", keras, convert.Names{Like: named(t, "dense/kernel", "dense_1/kernel")}, []string{"dense/kernel", "dense_1/kernel"}, []string{object("count")}, nil},
		{"a part", keras, convert.Names{Like: named(t, "dense/kernel", "dense_7/kernel"), Partial: true}, []string{"dense/kernel"},
			[]string{object("count"), object("model/b/kernel")}, []string{"dense_7/kernel"}},
		{"like names and a map", keras, convert.Names{Like: named(t, "step", "net/dense/kernel"), Map: map[string]string{"count": "step"}},
			[]string{"net/dense/kernel", "step"}, []string{object("model/b/kernel")}, nil},
		{"like objects by their full names", keras, convert.Names{Kind: convert.ByName, Like: objectCheckpoint(t, map[string]string{"q": "dense/kernel"})},
			[]string{"dense/kernel"}, []string{object("count"), object("model/b/kernel")}, nil},
		{"names as paths", named(t, "a/b", "c"), convert.Names{Kind: convert.ByObject}, []string{key, object("a/b"), object("c"), counter}, nil, nil},
		{"like objects", named(t, "dense/kernel", "dense_1/kernel", "Variable"), convert.Names{Like: keras},
			[]string{key, object("count"), object("model/a/kernel"), object("model/b/kernel"), counter}, nil, nil},
		{"like objects and a map", named(t, "k", "n"), convert.Names{Like: keras, Partial: true, Map: map[string]string{"k": "model/a/kernel"}},
			[]string{key, object("model/a/kernel"), counter}, []string{"n"}, []string{object("count"), object("model/b/kernel")}},
		{"objects of another root", keras, convert.Names{Like: objectCheckpoint(t, map[string]string{"a/kernel": "", "b/kernel": ""})},
			[]string{key, object("a/kernel"), object("b/kernel"), counter}, []string{object("count")}, nil},
		{"names like names", named(t, "a", "b"), convert.Names{Like: named(t, "b")}, []string{"b"}, []string{"a"}, nil},
		{"renamed names", named(t, "a", "b"), convert.Names{Kind: convert.ByName, Map: map[string]string{"a": "c"}}, []string{"b", "c"}, nil, nil},
	} {
		out := filepath.Join(t.TempDir(), "out")
		res, err := convert.Convert(t.Context(), c.in, out, &convert.Options{NoSync: true, Names: &c.names})
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, tensorNames(t, out), c.name)
		assert.Equal(t, c.leftOut, res.LeftOut, c.name)
		assert.Equal(t, c.missing, res.Missing, c.name)
	}
}

func TestConvertRefusesNames(t *testing.T) {
	t.Parallel()
	keras := objectCheckpoint(t, map[string]string{"model/a/kernel": "net/dense/kernel", "model/b/kernel": "other/dense/kernel"})
	equal := objectCheckpoint(t, map[string]string{"x": "Variable", "y": "Variable"})
	other := save(t, checkpoint.Tensor{Name: "net/dense/kernel", DType: dtype.Int32, Shape: []int64{2}, Data: make([]byte, 8)})
	float := save(t, checkpoint.Tensor{Name: "net/dense/kernel", DType: dtype.Float32, Data: make([]byte, 4)})
	for _, c := range []struct {
		name  string
		in    string
		names convert.Names
		kind  error
		says  string
	}{
		{"equal full names", equal, convert.Names{}, tfkeep.ErrMismatch, "several variables have the names Variable (x/"},
		{"two meanings", keras, convert.Names{Like: named(t, "dense/kernel")}, tfkeep.ErrMismatch, "could mean several variables: dense/kernel"},
		{"a missing name", keras, convert.Names{Like: named(t, "net/dense/kernel", "gone")}, tfkeep.ErrNotFound, "gone"},
		{"another shape", keras, convert.Names{Like: other}, tfkeep.ErrMismatch, "its shape is [], and the model needs [2]"},
		{"another type", keras, convert.Names{Like: float}, tfkeep.ErrMismatch, "it is int32, and the model needs float32"},
		{"an unknown name in the map", keras, convert.Names{Map: map[string]string{"net/dense/kernl": "a"}}, tfkeep.ErrNotFound, "did you mean net/dense/kernel?"},
		{"an ambiguous name in the map", equal, convert.Names{Map: map[string]string{"Variable": "a"}}, tfkeep.ErrMismatch, "could mean several variables"},
		{"an unknown new name in the map", keras, convert.Names{Like: named(t, "a"), Map: map[string]string{"model/a/kernel": "b"}}, tfkeep.ErrNotFound, "the map names b"},
		{"one new name for two", keras, convert.Names{Map: map[string]string{"model/a/kernel": "c", "model/b/kernel": "c"}}, tfkeep.ErrMismatch, "would both be named c"},
		{"an unknown object in the map", named(t, "a"), convert.Names{Like: keras, Map: map[string]string{"a": "model/c"}}, tfkeep.ErrNotFound, "the map names the object model/c"},
		{"one object for two", named(t, "a", "b"), convert.Names{Map: map[string]string{"a": "x", "b": "x"}}, tfkeep.ErrMismatch, "would both be the object x"},
		{"two names of one object", named(t, "net/dense/kernel", "model/a/kernel"), convert.Names{Like: keras}, tfkeep.ErrMismatch, "could both mean model/a/kernel"},
		{"an object without a value", named(t, "net/dense/kernel"), convert.Names{Like: keras}, tfkeep.ErrNotFound, "model/b/kernel"},
		{"an empty name of an attribute", named(t, "a//b"), convert.Names{Kind: convert.ByObject}, tfkeep.ErrArgument, "a//b"},
		{"objects to objects", keras, convert.Names{Kind: convert.ByObject}, tfkeep.ErrArgument, "it has objects already"},
		{"objects of names", named(t, "a"), convert.Names{Kind: convert.ByObject, Like: named(t, "a")}, tfkeep.ErrArgument, "has none"},
		{"another kind", keras, convert.Names{Kind: "keys"}, tfkeep.ErrArgument, "[names objects]"},
		{"nothing in common", named(t, "a"), convert.Names{Like: named(t, "b"), Partial: true}, tfkeep.ErrMismatch, "no tensor"},
		{"no model", keras, convert.Names{Like: filepath.Join(t.TempDir(), "none")}, tfkeep.ErrNotFound, "none"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		_, err := convert.Convert(t.Context(), c.in, out, &convert.Options{NoSync: true, Names: &c.names})
		require.ErrorIs(t, err, c.kind, c.name)
		assert.ErrorContains(t, err, c.says, c.name)
		assert.NoFileExists(t, out+".index", c.name)
	}
}

func TestReadMap(t *testing.T) {
	t.Parallel()
	m, err := convert.ReadMap(strings.NewReader("# names\n\na/b  c\n with space\tof both \n"))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a/b": "c", "with space": "of both"}, m)
	for text, says := range map[string]string{
		"a": "line 1", "a b\nc d e": "line 2", "a b\na c": "a has a name already", "\n\tb": "line 2", strings.Repeat("x", 2<<20): "too long",
	} {
		_, err := convert.ReadMap(strings.NewReader(text))
		require.ErrorIs(t, err, tfkeep.ErrArgument, text)
		assert.ErrorContains(t, err, says)
	}
	_, err = convert.ReadMap(nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}
