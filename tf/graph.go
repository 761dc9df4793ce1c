package tf

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nearest"
	"github.com/tfkeep/tfkeep/status"
)

// Graph is a TensorFlow graph. Beyond the binding's graph it has what Python's graph has:
// collections, unique names, a current device, and a seed for random operations.
//
// Goroutines may use a graph at the same time, except for its current device, of which there
// is one.
type Graph struct {
	binding *tensorflow.Graph
	gaveUp  atomic.Pointer[tfkeep.Error] // why an import was given up; TensorFlow may still hold the graph

	mu          sync.Mutex
	names       names
	err         *tfkeep.Error // the first error of a Scope
	devices     deviceStack
	placed      map[string]bool // nodes with a device that AddOp added and names has not seen yet
	unplaced    error           // the first error of a DeviceFunc for a node that the binding added
	collections collections
	seed        seed
	body        *body // of a function that is being traced; nil for other graphs
	functions   functionNames
}

// NewGraph returns an empty graph.
func NewGraph() *Graph { return WrapGraph(tensorflow.NewGraph()) }

// WrapGraph makes a Graph of a graph of the binding. Its collections are empty.
func WrapGraph(g *tensorflow.Graph) *Graph { return &Graph{binding: g} }

// Binding returns the binding's graph, for code that uses the binding itself. What such
// code adds with methods of the binding does not get unique names or the current device.
func (g *Graph) Binding() *tensorflow.Graph { return g.binding }

// Operation returns the operation called name, or nil if the graph has none.
func (g *Graph) Operation(name string) *Operation { return g.binding.Operation(name) }

// Operations returns all operations of the graph, in the order in which they were added.
func (g *Graph) Operations() []Operation { return g.binding.Operations() }

// AddOp adds an operation. It makes the name unique, or takes it as it is if it ends
// in a slash, without the slash, as Python does; by default the name is the type.
// Besides the binding's attribute types it takes dtype.DataType, int, int32, []byte and
// *graphdef.AttrValue.
//
// The current device completes spec.Device. The attribute "_class" with
// []string{"loc:@x"} colocates the node with x: it is on the device of x, or else on
// spec.Device, whatever the current device is. An empty "_class" places the node on
// spec.Device only, and is not added to the node; it is what Python's
// colocate_with(None, ignore_existing=True) does.
func (g *Graph) AddOp(spec OpSpec) (*Operation, error) {
	if err := g.givenUp(); err != nil {
		return nil, err
	}
	captured, err := g.captureInputs(spec)
	if err != nil {
		return nil, &tfkeep.Error{Op: "add", Item: "operation", Name: cmp.Or(spec.Name, spec.Type), Cause: err}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	op, err := g.addOp(captured)
	if err != nil {
		return nil, &tfkeep.Error{Op: "add", Item: "operation", Name: cmp.Or(spec.Name, spec.Type), Cause: err}
	}
	return op, nil
}

func (g *Graph) addOp(spec OpSpec) (*Operation, error) { return g.addOpWithin(g.devices, spec) }

// addOpWithin adds an operation whose device a stack completes.
func (g *Graph) addOpWithin(devices deviceStack, spec OpSpec) (*Operation, error) {
	if spec.Name == "" {
		spec.Name = spec.Type
	}
	at := within(devices, spec.Device)
	if class, ok := spec.Attrs["_class"]; ok {
		at = g.colocated(class, spec.Device)
		if class, ok := class.([]string); ok && len(class) == 0 {
			spec.Attrs = maps.Clone(spec.Attrs)
			delete(spec.Attrs, "_class")
		}
	}
	return g.addNode(spec, at)
}

// addNode adds an operation with its name made unique, or with exactly its name if
// that ends in a slash.
func (g *Graph) addNode(spec OpSpec, at placement) (*Operation, error) {
	if name, exact := strings.CutSuffix(spec.Name, "/"); exact {
		if err := checkName(name); err != nil {
			return nil, err
		}
		spec.Name = name
		return g.addAt(spec, at)
	}
	if err := checkName(spec.Name); err != nil {
		return nil, err
	}
	g.sync()
	spec.Name = g.names.unique(spec.Name)
	return g.addAt(spec, at)
}

// addAt adds an operation under exactly its name.
func (g *Graph) addAt(spec OpSpec, at placement) (*Operation, error) {
	var err error
	if spec.Device, err = at.deviceOf(spec); err != nil {
		return nil, err
	}
	op, err := capi.AddOperation(g.binding, spec)
	if err != nil {
		return nil, explainTypes(spec, explainUnknownOp(spec.Type, err))
	}
	g.markPlaced(spec.Name)
	for _, dep := range spec.ControlDependencies {
		markControlDependency(dep)
	}
	return op, nil
}

// GraphDef returns the graph as it is now. Functions are sorted by name, so that the
// same graph always gives the same message. graphdef.Write writes it to a file.
func (g *Graph) GraphDef() (*graphdef.GraphDef, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	raw, err := capi.GraphDef(g.binding)
	if err != nil {
		return nil, err
	}
	if len(raw) > math.MaxInt32 {
		return nil, &tfkeep.Error{Op: "export graph", Err: tfkeep.ErrTooLarge,
			Detail: fmt.Sprintf("the graph has %d bytes, and a protocol buffer cannot have more than 2 GiB: keep large constants as variables", len(raw))}
	}
	def := new(graphdef.GraphDef)
	if err := proto.Unmarshal(raw, def); err != nil {
		return nil, status.Errorf(status.DataLoss, "the library's GraphDef: %v", err)
	}
	functions := def.GetLibrary().GetFunction()
	slices.SortFunc(functions, func(a, b *function_go_proto.FunctionDef) int {
		return strings.Compare(a.GetSignature().GetName(), b.GetSignature().GetName())
	})
	return def, nil
}

// OutputByName returns the output with a tensor name, "a:0". "a" means "a:0". If the
// graph has no such output, the error is of the kind tfkeep.ErrNotFound.
func (g *Graph) OutputByName(name string) (Output, error) {
	if err := g.givenUp(); err != nil {
		return Output{}, err
	}
	opName, index, err := graphdef.ParseTensorName(name)
	if err != nil {
		return Output{}, invalidf("%v", err)
	}
	op := g.Operation(opName)
	if op == nil {
		return Output{}, g.errNoOperation(opName)
	}
	if n := op.NumOutputs(); index >= n {
		return Output{}, status.Errorf(status.NotFound, "operation %q has %d outputs and no output %d", opName, n, index)
	}
	runtime.KeepAlive(g)
	return op.Output(index), nil
}

// errNoOperation is the error of a name that no operation has; it suggests others.
func (g *Graph) errNoOperation(name string) error {
	var names []string
	for _, op := range g.Operations() {
		names = append(names, op.Name())
	}
	return status.Errorf(status.NotFound, "the graph has no operation %q%s", name, nearest.NodeHint(name, names))
}
