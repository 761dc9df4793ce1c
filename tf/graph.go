package tf

import (
	"maps"
	"runtime"
	"strconv"
	"strings"
	"sync"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/tf/status"
)

// Graph is the binding's graph with what TensorFlow's Python graph has beside
// its nodes: collections, names that stay unique, a current device, and a seed
// for random ops. It is safe for many goroutines, but for its Scope and its
// current device.
type Graph struct {
	*tensorflow.Graph

	mu          sync.Mutex
	names       names
	scope       *op.Scope
	devices     deviceStack
	placed      map[string]bool // nodes of ours within a device, that names has not seen yet
	unplaced    error           // the first of a DeviceFunc on a node of the op wrappers
	collections collections
	seed        seed
}

// NewGraph makes an empty graph.
func NewGraph() *Graph { return WrapGraph(tensorflow.NewGraph()) }

// WrapGraph makes a Graph of one that the binding, or a loaded model, made. Its
// collections are empty.
func WrapGraph(g *tensorflow.Graph) *Graph { return &Graph{Graph: g} }

// Scope is the root for the binding's op wrappers on g. It is always the same
// one, so that SubScope numbers repeated names; after an error, which stays
// with a Scope for ever, the next call gives a fresh one.
func (g *Graph) Scope() *op.Scope {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.scope == nil || g.scope.Err() != nil {
		g.scope = op.NewScopeWithGraph(g.Graph)
	}
	return g.scope
}

// AddOp adds an operation. It makes the name unique, or takes it as it is if it ends
// in a slash, without the slash, as Python does; by default the name is the type.
// Besides the binding's attribute types it takes int, int32, []byte and AttrValue.
//
// The current device completes spec.Device. The attribute "_class" with
// []string{"loc:@x"} colocates the node with x: it is on the device of x, or else on
// spec.Device, whatever the current device is. An empty "_class" places the node on
// spec.Device only, and is not added to the node; it is what Python's
// colocate_with(None, ignore_existing=True) does.
func (g *Graph) AddOp(spec OpSpec) (*Operation, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addOp(spec)
}

func (g *Graph) addOp(spec OpSpec) (*Operation, error) {
	if spec.Name == "" {
		spec.Name = spec.Type
	}
	at := within(g.devices, spec.Device)
	if class, ok := spec.Attrs["_class"]; ok {
		at = g.beside(class, spec.Device)
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
	if spec.Device, err = at.of(spec); err != nil {
		return nil, err
	}
	op, err := capi.AddOperation(g.Graph, spec)
	if err != nil {
		return nil, err
	}
	g.settle(spec.Name)
	for _, dep := range spec.ControlDependencies {
		markControlDependency(dep)
	}
	return op, nil
}

// GraphDef is the graph as it is now.
func (g *Graph) GraphDef() (*graph_go_proto.GraphDef, error) {
	raw, err := capi.GraphDef(g.Graph)
	if err != nil {
		return nil, err
	}
	def := new(graph_go_proto.GraphDef)
	if err := proto.Unmarshal(raw, def); err != nil {
		return nil, &Error{Code: status.DataLoss, Message: "the library's GraphDef: " + err.Error()}
	}
	return def, nil
}

// OutputByName finds an output by its tensor name, "a:0"; "a" is "a:0" too.
func (g *Graph) OutputByName(name string) (Output, error) {
	opName, index, err := graphdef.ParseTensorName(name)
	if err != nil {
		return Output{}, invalidf("%v", err)
	}
	op := g.Operation(opName)
	if op == nil {
		return Output{}, &Error{Code: status.NotFound, Message: "the graph has no operation " + strconv.Quote(opName)}
	}
	if n := op.NumOutputs(); index >= n {
		return Output{}, &Error{Code: status.NotFound, Message: "operation " + strconv.Quote(opName) + " has " + strconv.Itoa(n) + " outputs, there is no output " + strconv.Itoa(index)}
	}
	runtime.KeepAlive(g)
	return op.Output(index), nil
}
