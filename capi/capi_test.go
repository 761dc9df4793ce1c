package capi_test

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/tf/status"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
)

func add(t testing.TB, g *tensorflow.Graph, spec tensorflow.OpSpec) *tensorflow.Operation {
	t.Helper()
	op, err := capi.AddOperation(g, spec)
	require.NoError(t, err)
	return op
}

func placeholder(t testing.TB, g *tensorflow.Graph, name string) tensorflow.Output {
	t.Helper()
	return add(t, g, tensorflow.OpSpec{Type: "Placeholder", Name: name, Attrs: map[string]any{"dtype": tensorflow.Float}}).Output(0)
}

func TestTheLibraryCanBeWorkedWith(t *testing.T) {
	assert.Regexp(t, `^\d+\.\d+`, capi.Version())
}

func TestAllOpListIsAnOpList(t *testing.T) {
	raw, err := capi.AllOpList()
	require.NoError(t, err)
	list := new(op_def_go_proto.OpList)
	require.NoError(t, proto.Unmarshal(raw, list))
	assert.Greater(t, len(list.GetOp()), 1000)
}

func TestAttributesOfEveryType(t *testing.T) {
	value, err := tensorflow.NewTensor([]int32{1, 2})
	require.NoError(t, err)
	for name, v := range map[string]any{
		"string": "s", "bytes": []byte("s"), "int": 1, "int32": int32(1), "int64": int64(1), "float": float32(1), "bool": true,
		"type": tensorflow.Float, "shape": tensorflow.MakeShape(1, -1), "unknown shape": tensorflow.Shape{},
		"strings": []string{"a", ""}, "int64s": []int64{1}, "floats": []float32{1}, "bools": []bool{true, false},
		"types": []tensorflow.DataType{tensorflow.Float}, "shapes": []tensorflow.Shape{tensorflow.ScalarShape(), {}}, "tensor": value,
	} {
		t.Run(name, func(t *testing.T) {
			g := tensorflow.NewGraph()
			op := add(t, g, tensorflow.OpSpec{Type: "NoOp", Attrs: map[string]any{"_a": v}})
			got, err := capi.Attr(op, "_a")
			require.NoError(t, err)
			if name == "tensor" {
				assert.Equal(t, "\x01\x00\x00\x00\x02\x00\x00\x00", string(got.GetTensor().GetTensorContent()))
				return
			}
			want, err := capi.AttrValue(v)
			require.NoError(t, err)
			assert.True(t, proto.Equal(want, got), "%v", got)
		})
	}
}

func TestAttributesChange(t *testing.T) {
	g := tensorflow.NewGraph()
	op := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "n"})
	v, err := capi.AttrValue("x")
	require.NoError(t, err)
	require.NoError(t, capi.SetAttr(op, "_a", v))
	got, err := capi.Attr(op, "_a")
	require.NoError(t, err)
	assert.Equal(t, "x", string(got.GetS()))
	require.NoError(t, capi.SetAttr(op, "_a", nil))
	_, err = capi.Attr(op, "_a")
	require.ErrorIs(t, err, status.InvalidArgument)
	require.NoError(t, capi.SetRequestedDevice(op, "/device:CPU:0"))
	assert.Equal(t, "/device:CPU:0", op.Device())
	def, err := capi.NodeDef(op)
	require.NoError(t, err)
	assert.Equal(t, "n", def.GetName())
}

func TestAddOperationRefusesWhatWouldCrash(t *testing.T) {
	g, other := tensorflow.NewGraph(), tensorflow.NewGraph()
	x, elsewhere := placeholder(t, g, "x"), placeholder(t, other, "x")
	released, err := tensorflow.NewTensor(int32(1))
	require.NoError(t, err)
	capi.Release(released)
	for name, spec := range map[string]tensorflow.OpSpec{
		"nil input":            {Type: "Identity", Input: []tensorflow.Input{nil}},
		"input without op":     {Type: "Identity", Input: []tensorflow.Input{tensorflow.Output{}}},
		"list without op":      {Type: "AddN", Input: []tensorflow.Input{tensorflow.OutputList{x, {}}}},
		"input of other graph": {Type: "Identity", Input: []tensorflow.Input{elsewhere}},
		"output out of range":  {Type: "Identity", Input: []tensorflow.Input{tensorflow.Output{Op: x.Op, Index: 4}}},
		"nil control":          {Type: "NoOp", ControlDependencies: []*tensorflow.Operation{nil}},
		"control elsewhere":    {Type: "NoOp", ControlDependencies: []*tensorflow.Operation{elsewhere.Op}},
		"strange attribute":    {Type: "NoOp", Attrs: map[string]any{"_a": struct{}{}}},
		"released tensor":      {Type: "Const", Attrs: map[string]any{"dtype": tensorflow.Int32, "value": released}},
		"nil tensor":           {Type: "Const", Attrs: map[string]any{"dtype": tensorflow.Int32, "value": (*tensorflow.Tensor)(nil)}},
		"missing attribute":    {Type: "Const"},
		"unknown op":           {Type: "NoSuchOp"},
		"name taken":           {Type: "NoOp", Name: "x"},
		"too many inputs":      {Type: "Identity", Input: []tensorflow.Input{x, x}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := capi.AddOperation(g, spec)
			require.Error(t, err)
			var e *status.Error
			require.ErrorAs(t, err, &e)
			assert.NotEmpty(t, e.Message)
		})
	}
	// The graph is whole after all that.
	add(t, g, tensorflow.OpSpec{Type: "Identity", Name: "y", Input: []tensorflow.Input{x}})
}

func TestNilOperationsAreErrors(t *testing.T) {
	for _, op := range []*tensorflow.Operation{nil, {}} {
		_, err := capi.NodeDef(op)
		require.ErrorIs(t, err, status.InvalidArgument)
		_, err = capi.Attr(op, "a")
		require.ErrorIs(t, err, status.InvalidArgument)
		_, err = capi.Inputs(op)
		require.ErrorIs(t, err, status.InvalidArgument)
		require.ErrorIs(t, capi.SetAttr(op, "a", nil), status.InvalidArgument)
		require.ErrorIs(t, capi.SetRequestedDevice(op, ""), status.InvalidArgument)
	}
}

// nodeInputs returns the inputs of op's NodeDef.
func nodeInputs(t testing.TB, op *tensorflow.Operation) []string {
	t.Helper()
	def, err := capi.NodeDef(op)
	require.NoError(t, err)
	return def.Input
}

func TestInputsAreThoseOfTheNode(t *testing.T) {
	g := tensorflow.NewGraph()
	a, b := placeholder(t, g, "a"), placeholder(t, g, "b")
	first := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "first"})
	sum := add(t, g, tensorflow.OpSpec{Type: "AddN", Input: []tensorflow.Input{tensorflow.OutputList{a, b}}, ControlDependencies: []*tensorflow.Operation{first}})
	inputs, err := capi.Inputs(sum)
	require.NoError(t, err)
	require.Len(t, inputs, 2)
	assert.Equal(t, "b", inputs[1].Op.Name())
	assert.Equal(t, []string{"a", "b", "^first"}, nodeInputs(t, sum))
	assert.Equal(t, g, capi.GraphOf(inputs[1].Op))
}

func TestWalkGoesOnWhereItStopped(t *testing.T) {
	g := tensorflow.NewGraph()
	var names []string
	var pos uint64
	walk := func() {
		for next, name := range capi.OperationNames(g, pos) {
			pos, names = next, append(names, name)
		}
	}
	walk()
	assert.Empty(t, names)
	placeholder(t, g, "a")
	walk()
	walk()
	placeholder(t, g, "b")
	placeholder(t, g, "c")
	walk()
	assert.Equal(t, []string{"a", "b", "c"}, names)
}

func graphDef(t *testing.T, build func(g *tensorflow.Graph)) []byte {
	t.Helper()
	g := tensorflow.NewGraph()
	build(g)
	def, err := capi.GraphDef(g)
	require.NoError(t, err)
	return def
}

func TestImportMapsAndReturns(t *testing.T) {
	def := graphDef(t, func(g *tensorflow.Graph) {
		x := placeholder(t, g, "x")
		first := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "first"})
		add(t, g, tensorflow.OpSpec{Type: "Identity", Name: "y", Input: []tensorflow.Input{x}, ControlDependencies: []*tensorflow.Operation{first}})
	})
	g := tensorflow.NewGraph()
	mine := placeholder(t, g, "mine")
	other := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "other"})
	before := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "before"})
	r, err := capi.Import(g, def, &capi.ImportOptions{
		Prefix:              "in",
		DefaultDevice:       "/device:CPU:0",
		InputMapping:        map[capi.TensorName]tensorflow.Output{{Op: "x"}: mine, {Op: "gone", Index: 2}: mine},
		ControlMapping:      map[string]*tensorflow.Operation{"first": other},
		ControlDependencies: []*tensorflow.Operation{before},
		ReturnOutputs:       []capi.TensorName{{Op: "y"}, {Op: "x"}},
		ReturnOperations:    []string{"first"},
	})
	require.NoError(t, err)
	require.Len(t, r.Outputs, 2)
	assert.Equal(t, "in/y", r.Outputs[0].Op.Name())
	assert.Equal(t, "/device:CPU:0", r.Outputs[0].Op.Device())
	assert.Equal(t, "mine", r.Outputs[1].Op.Name(), "a mapped output comes back as what it was mapped to")
	require.Len(t, r.Operations, 1)
	assert.Equal(t, "in/first", r.Operations[0].Name())
	assert.Equal(t, []capi.TensorName{{Op: "gone", Index: 2}}, r.MissingUnusedInputs)

	inputs, err := capi.Inputs(r.Outputs[0].Op)
	require.NoError(t, err)
	assert.Equal(t, "mine", inputs[0].Op.Name())
	assert.Contains(t, nodeInputs(t, r.Outputs[0].Op), "^other")
}

func TestImportMakesNamesUnique(t *testing.T) {
	def := graphDef(t, func(g *tensorflow.Graph) { placeholder(t, g, "x") })
	g := tensorflow.NewGraph()
	for _, c := range []struct {
		o    capi.ImportOptions
		want string
	}{
		{capi.ImportOptions{}, "x"},
		{capi.ImportOptions{UniquifyNames: true}, "x_1"},
		{capi.ImportOptions{Prefix: "p"}, "p/x"},
		{capi.ImportOptions{Prefix: "p", UniquifyPrefix: true}, "p_1/x"},
	} {
		c.o.ReturnOperations = []string{"x"}
		r, err := capi.Import(g, def, &c.o)
		require.NoError(t, err)
		assert.Equal(t, c.want, r.Operations[0].Name())
	}
	_, err := capi.Import(g, def, nil)
	require.ErrorIs(t, err, status.InvalidArgument, "the name is taken")
}

func TestImportOfWhatIsNoGraph(t *testing.T) {
	g := tensorflow.NewGraph()
	_, err := capi.Import(g, []byte("no graph at all"), nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.Import(g, nil, nil)
	require.NoError(t, err, "an empty graph is one")
	_, err = capi.Import(g, nil, &capi.ImportOptions{InputMapping: map[capi.TensorName]tensorflow.Output{{Op: "x"}: {}}})
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.Import(g, nil, &capi.ImportOptions{ReturnOperations: []string{"x"}})
	require.ErrorIs(t, err, status.InvalidArgument)
}

func TestImportChecksColocationUnlessToldNotTo(t *testing.T) {
	def, err := proto.Marshal(&graph_go_proto.GraphDef{})
	require.NoError(t, err)
	def = append(def, graphDef(t, func(g *tensorflow.Graph) {
		add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "n", Attrs: map[string]any{"_class": []string{"loc:@gone"}}})
	})...)
	_, err = capi.Import(tensorflow.NewGraph(), def, nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.Import(tensorflow.NewGraph(), def, &capi.ImportOptions{SkipColocationCheck: true})
	require.NoError(t, err)
}

func TestReleaseFreesAtOnceAndTwice(t *testing.T) {
	before := settled(capi.Counts{})
	v, err := tensorflow.NewTensor([]float32{1, 2})
	require.NoError(t, err)
	capi.Adopt(v)
	assert.Equal(t, before.Tensors+1, capi.Live().Tensors)
	assert.False(t, capi.Released(v))
	capi.Release(v)
	capi.Release(v)
	capi.Release(nil)
	capi.Release(new(tensorflow.Tensor))
	assert.True(t, capi.Released(v))
	assert.Equal(t, before, capi.Live())
	// What is left is empty, and safe to look at.
	assert.Equal(t, []uint8{}, v.Value())
	assert.Empty(t, v.TensorData())
	assert.Equal(t, []int64{0}, v.Shape())
}

func TestReleaseOfATensorOfTheBinding(t *testing.T) {
	before := settled(capi.Counts{})
	v, err := tensorflow.NewTensor([]float32{1, 2})
	require.NoError(t, err)
	capi.Release(v)
	assert.True(t, capi.Released(v))
	assert.Equal(t, before, capi.Live(), "it was not counted before either")
}

func TestTheCollectorFreesWhatIsNotReleased(t *testing.T) {
	before := settled(capi.Counts{})
	for range 10 {
		v, err := capi.AllocateTensor(tensorflow.Float, []int64{2})
		require.NoError(t, err)
		runtime.KeepAlive(v)
	}
	assert.Equal(t, before, settled(before))
}

func TestAllocateTensorRefusesBadShapes(t *testing.T) {
	for _, c := range []struct {
		dt    tensorflow.DataType
		shape []int64
	}{
		{tensorflow.String, []int64{1}},
		{tensorflow.DataType(20), nil},
		{tensorflow.DataType(9999), []int64{1}},
		{tensorflow.Float, []int64{-1}},
		{tensorflow.Float, []int64{1 << 40, 1 << 40}},
		{tensorflow.Float, []int64{1 << 58}},
	} {
		_, err := capi.AllocateTensor(c.dt, c.shape)
		require.Error(t, err, "%v %v", c.dt, c.shape)
	}
	v, err := capi.AllocateTensor(tensorflow.Float, []int64{0, 1 << 40})
	require.NoError(t, err)
	assert.Empty(t, v.TensorData())
	capi.Release(v)
}

// mapped is page-aligned memory outside Go, as a mapped file is.
func mapped(t *testing.T, size int) []byte {
	t.Helper()
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	return memory
}

func TestForeignTensorSharesAlignedMemory(t *testing.T) {
	memory := mapped(t, 4096)
	copy(memory, []byte{0, 0, 128, 63, 0, 0, 0, 64}) // 1, 2
	var released atomic.Int32
	release := func() {
		assert.NoError(t, unix.Munmap(memory))
		released.Add(1)
	}
	v, err := capi.ForeignTensor(tensorflow.Float, []int64{2}, memory[:8:8], release)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2}, v.Value())
	assert.Equal(t, &memory[0], &v.TensorData()[0], "not copied")
	assert.EqualValues(t, 1, capi.Live().Foreign)
	assert.Zero(t, released.Load())
	capi.Release(v)
	assert.EqualValues(t, 1, released.Load())
	assert.Zero(t, capi.Live().Foreign)
}

func TestForeignTensorCopiesUnalignedMemory(t *testing.T) {
	memory := mapped(t, 4096)
	defer func() { assert.NoError(t, unix.Munmap(memory)) }()
	copy(memory[4:], []byte{0, 0, 128, 63})
	released := 0
	v, err := capi.ForeignTensor(tensorflow.Float, []int64{1}, memory[4:8], func() { released++ })
	require.NoError(t, err)
	defer capi.Release(v)
	assert.Equal(t, 1, released, "given back as soon as it was copied")
	assert.Equal(t, []float32{1}, v.Value())
}

func TestForeignTensorRefusesAWrongSize(t *testing.T) {
	memory := mapped(t, 4096)
	defer func() { assert.NoError(t, unix.Munmap(memory)) }()
	for _, shape := range [][]int64{{1}, {3}, {-2}} {
		_, err := capi.ForeignTensor(tensorflow.Float, shape, memory[:8], func() { t.Error("released after an error") })
		require.ErrorIs(t, err, status.InvalidArgument)
	}
	_, err := capi.ForeignTensor(tensorflow.String, []int64{1}, memory[:8], nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	assert.Zero(t, capi.Live().Foreign)

	released := false
	v, err := capi.ForeignTensor(tensorflow.Float, []int64{0}, nil, func() { released = true })
	require.NoError(t, err)
	assert.True(t, released)
	capi.Release(v)
}

func TestResultsOfManyDimensions(t *testing.T) {
	g := tensorflow.NewGraph()
	value, err := tensorflow.NewTensor([1][1][1][1][1][1][1][1][1][2]float32{})
	require.NoError(t, err)
	c := add(t, g, tensorflow.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tensorflow.Float, "value": value}})
	s, err := capi.NewSession(g, "", nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, capi.CloseSession(s)) }()
	step, err := capi.NewStep(s, g, nil, []tensorflow.Output{c.Output(0)}, nil, nil)
	require.NoError(t, err)
	defer step.Close()
	out := make([]*tensorflow.Tensor, 1)
	require.NoError(t, step.Run(nil, out, nil, nil))
	defer capi.Release(out[0])
	assert.Equal(t, []int64{1, 1, 1, 1, 1, 1, 1, 1, 1, 2}, out[0].Shape())
}

func TestTheBindingsCloseWaitsForOurRuns(t *testing.T) {
	g := tensorflow.NewGraph()
	x := placeholder(t, g, "x")
	s, err := capi.NewSession(g, "", nil)
	require.NoError(t, err)
	y := add(t, g, tensorflow.OpSpec{Type: "Identity", Input: []tensorflow.Input{x}})
	step, err := capi.NewStep(s, g, []tensorflow.Output{x}, nil, []*tensorflow.Operation{y}, nil)
	require.NoError(t, err)
	defer step.Close()
	v, err := tensorflow.NewTensor(float32(1))
	require.NoError(t, err)
	started, done := make(chan struct{}), make(chan error)
	go func() {
		first := step.Run([]*tensorflow.Tensor{v}, nil, nil, nil)
		close(started)
		for err := first; ; err = step.Run([]*tensorflow.Tensor{v}, nil, nil, nil) {
			if err != nil {
				done <- err
				return
			}
		}
	}()
	<-started
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-done, status.FailedPrecondition)
	require.NoError(t, capi.CloseSession(s))
}

func TestSessionsRefuseABadConfig(t *testing.T) {
	_, err := capi.NewSession(tensorflow.NewGraph(), "", bytes.Repeat([]byte{0xff}, 10))
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.NewSession(tensorflow.NewGraph(), "no-such-protocol://x", nil)
	require.Error(t, err)
}
