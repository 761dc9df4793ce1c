package autodiff_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// prologue and epilogue surround the model of a test case. The model assigns the loss to y,
// the tensors and variables to differentiate to xs, and the fed values to feeds. v makes a
// variable of fixed values, and f a float constant. If Python cannot differentiate y, the model
// assigns something equal to reference. The gradient stops at the tensors in stops.
const prologue = `
import math
ref = False
feeds = {}
def values(*shape):
    n = int(np.prod(shape))
    return (np.sin(np.arange(1, n + 1) * 1.7) * 0.8).reshape(shape).astype(np.float32)
def v(name, *shape):
    return tf1.Variable(values(*shape), name=name, use_resource=not ref)
def f(*shape):
    return tf.constant(values(*shape)[::-1].copy() if shape else 0.5)
def feed(a, dtype=np.float32, shape=None):
    a = np.asarray(a, dtype)
    p = tf1.placeholder(a.dtype, a.shape if shape is None else shape)
    feeds[p] = a
    return tf.identity(p)  # slices may fetch their indices, a fed tensor cannot be fetched
`

const epilogue = `
ys = y if isinstance(y, list) else [y]
init = tf1.global_variables_initializer()
graph = tf1.get_default_graph().as_graph_def().SerializeToString()
def name(x):
    return (x if isinstance(x, tf.Tensor) else x.handle if hasattr(x, "handle") and not ref else x._ref()).name
stops = globals().get("stops", [])
grads = tf1.gradients(globals().get("reference", ys), xs, stop_gradients=[] if "reference" in globals() else stops)
with tf1.Session() as s:
    s.run(init)
    out = s.run([tf.convert_to_tensor(g) for g in grads if g is not None], feeds)
out.reverse()
result = {
    "graph": graph, "init": init.name, "ys": [t.name for t in ys], "xs": [name(x) for x in xs], "stops": [t.name for t in stops],
    "feeds": [{"name": p.name, "dtype": int(p.dtype.as_datatype_enum), "shape": list(a.shape), "data": a.tobytes()} for p, a in feeds.items()],
    "grads": [None if g is None else {"sparse": isinstance(g, tf.IndexedSlices), "shape": list(out[-1].shape),
              "values": out.pop().astype(np.float64).tobytes()} for g in grads],
}
`

type model struct {
	Graph []byte
	Init  string
	Ys    []string
	Xs    []string
	DYs   []string // the gradients of the ys, ones if there are none
	Stops []string
	Feeds []struct {
		Name  string
		DType int
		Shape []int64
		Data  []byte
	}
	Grads []*struct {
		Sparse bool
		Shape  []int64
		Values []byte
	}
}

// pythonModel builds a model in Python, with the gradients of tf.gradients.
func pythonModel(t *testing.T, script string) model {
	t.Helper()
	var m model
	oracle.Run(t, prologue+script+epilogue).Decode(t, &m)
	return m
}

func (m *model) load(t *testing.T) *tensorflow.Graph {
	t.Helper()
	g := tensorflow.NewGraph()
	require.NoError(t, g.Import(m.Graph, ""))
	return g
}

func outputs(t *testing.T, g *tensorflow.Graph, names []string) []tensorflow.Output {
	t.Helper()
	var outs []tensorflow.Output
	for _, name := range names {
		opName, index, _ := strings.Cut(name, ":")
		op := g.Operation(opName)
		require.NotNil(t, op, name)
		outs = append(outs, op.Output(int(index[0]-'0')))
	}
	return outs
}

// run initializes the variables and fetches outputs.
func (m *model) run(t *testing.T, g *tensorflow.Graph, fetches []tensorflow.Output) []*tensorflow.Tensor {
	t.Helper()
	got, err := m.tryRun(t, g, fetches)
	require.NoError(t, err)
	return got
}

func (m *model) tryRun(t *testing.T, g *tensorflow.Graph, fetches []tensorflow.Output) ([]*tensorflow.Tensor, error) {
	t.Helper()
	s, err := tensorflow.NewSession(g, nil)
	require.NoError(t, err)
	defer s.Close()
	if m.Init != "" {
		_, err = s.Run(nil, nil, []*tensorflow.Operation{g.Operation(m.Init)})
		require.NoError(t, err)
	}
	feeds := make(map[tensorflow.Output]*tensorflow.Tensor)
	for _, f := range m.Feeds {
		tensor, err := tensorflow.ReadTensor(tensorflow.DataType(f.DType), f.Shape, bytes.NewReader(f.Data))
		require.NoError(t, err)
		feeds[outputs(t, g, []string{f.Name})[0]] = tensor
	}
	return s.Run(feeds, fetches, nil)
}

// floats returns the elements of a tensor as numbers. The parts of a complex number follow
// one another.
func floats(t *testing.T, tensor *tensorflow.Tensor) []float64 {
	t.Helper()
	var buf bytes.Buffer
	_, err := tensor.WriteContentsTo(&buf)
	require.NoError(t, err)
	dt := dtype.DataType(tensor.DataType())
	switch dt {
	case dtype.Complex128:
		dt = dtype.Float64
	case dtype.Complex64:
		dt = dtype.Float32
	}
	out := make([]float64, buf.Len()/dtype.Size(dt))
	require.True(t, dtype.Float64s(dt, buf.Bytes(), out), "type %v", tensor.DataType())
	return out
}

func decode[T any](t *testing.T, raw []byte) []T {
	t.Helper()
	var zero T
	out := make([]T, len(raw)/binary.Size(zero))
	require.NoError(t, binary.Read(bytes.NewReader(raw), binary.LittleEndian, out))
	return out
}

// sameGradients differentiates the model in Go and compares the result with Python's: which
// gradients exist, which are slices, and their values.
func sameGradients(t *testing.T, m model) {
	t.Helper()
	sameGradientsWith(t, m, autodiff.Options{})
}

func sameGradientsWith(t *testing.T, m model, o autodiff.Options) {
	t.Helper()
	g := m.load(t)
	o.GradYs, o.StopGradients = outputs(t, g, m.DYs), outputs(t, g, m.Stops)
	grads, err := autodiff.Build(g, outputs(t, g, m.Ys), outputs(t, g, m.Xs), &o)
	require.NoError(t, err)
	results := m.run(t, g, m.fetches(t, grads))
	m.compare(t, results)
}

// fetches checks which gradients exist, and returns what compare needs.
func (m *model) fetches(t *testing.T, grads []autodiff.Gradient) []tensorflow.Output {
	t.Helper()
	require.Len(t, grads, len(m.Grads))
	var fetches []tensorflow.Output
	for i, want := range m.Grads {
		got := grads[i]
		require.Equal(t, want == nil, got.IsNone(), "a gradient for %s", m.Xs[i])
		if want == nil {
			continue
		}
		require.Equal(t, want.Sparse, got.Slices != nil, "slices for %s", m.Xs[i])
		if want.Sparse {
			fetches = append(fetches, got.Slices.Values, got.Slices.Indices, got.Slices.DenseShape)
		} else {
			fetches = append(fetches, got.Dense)
		}
	}
	return fetches
}

// compare compares the values of gradients.
func (m *model) compare(t *testing.T, results []*tensorflow.Tensor) {
	t.Helper()
	for i, want := range m.Grads {
		if want == nil {
			continue
		}
		wantValues := decode[float64](t, want.Values)
		got := floats(t, results[0])
		// Sums of float32 in another order differ by a few units in the last place.
		precision := 1e-5
		if dt := results[0].DataType(); dt == tensorflow.Half || dt == tensorflow.Bfloat16 {
			precision = 2e-2
		}
		if want.Sparse {
			indices, shape := floats(t, results[1]), floats(t, results[2])
			results = results[2:]
			require.Len(t, shape, len(want.Shape))
			for d, n := range shape {
				require.Equal(t, float64(want.Shape[d]), n, "dense shape for %s", m.Xs[i])
			}
			got = scatter(got, indices, len(wantValues))
		} else {
			require.Equal(t, want.Shape, append([]int64{}, results[0].Shape()...), "shape of the gradient for %s", m.Xs[i])
		}
		results = results[1:]
		require.Len(t, got, len(wantValues), "size of the gradient for %s", m.Xs[i])
		scale := 0.0
		for _, x := range wantValues {
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				scale = math.Max(scale, math.Abs(x))
			}
		}
		for j, x := range wantValues {
			if x == got[j] || math.IsNaN(x) && math.IsNaN(got[j]) {
				continue
			}
			if !assert.InDelta(t, x, got[j], precision*(0.2+scale), "gradient for %s, element %d", m.Xs[i], j) {
				break
			}
		}
	}
}

// scatter adds up rows in a tensor with size elements.
func scatter(rows, indices []float64, size int) []float64 {
	out := make([]float64, size)
	if len(indices) == 0 {
		return out
	}
	width := len(rows) / len(indices)
	for r, index := range indices {
		for c := range width {
			out[int(index)*width+c] += rows[r*width+c]
		}
	}
	return out
}
