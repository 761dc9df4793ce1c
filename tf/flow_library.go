package tf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/funcgraph"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/status"
)

// functionNames has the names of the functions in a graph's library.
type functionNames struct {
	taken map[string]bool
	count int // of functions in the library when taken was read
}

// functionName returns a name for a new function, base and a number, and marks it as used.
func (g *Graph) functionName(base string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := &g.functions
	if count, _ := capi.Changes(g.binding); f.taken == nil || count != f.count {
		defs, err := capi.Functions(g.binding)
		if err != nil {
			return "", err
		}
		if f.taken == nil {
			f.taken = make(map[string]bool, len(defs))
		}
		for _, raw := range defs {
			def := new(function_go_proto.FunctionDef)
			if err := proto.Unmarshal(raw, def); err != nil {
				return "", status.Errorf(status.DataLoss, "a FunctionDef of the library: %v", err)
			}
			f.taken[def.GetSignature().GetName()] = true
		}
		f.count = len(defs)
	}
	base = strings.Map(func(r rune) rune {
		if r == '/' || r == '.' || r == '-' || r == '>' {
			return '_'
		}
		return r
	}, base)
	name := base
	for i := len(f.taken); name == base || f.taken[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	f.taken[name] = true
	return name, nil
}

// addFunction adds a function to the library.
func (g *Graph) addFunction(def *function_go_proto.FunctionDef) error {
	versions, err := capi.Versions(g.binding)
	if err != nil {
		return err
	}
	lib := &graphdef.GraphDef{
		Versions: new(versions_go_proto.VersionDef),
		Library:  &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{def}},
	}
	if err := proto.Unmarshal(versions, lib.Versions); err != nil {
		return err
	}
	raw, err := proto.Marshal(lib)
	if err != nil {
		return err
	}
	_, err = capi.Import(g.binding, raw, &capi.ImportOptions{})
	return err
}

// define makes a function of a traced body and adds it to the library. Its arguments are
// args; a zero Output is an argument that the body does not use.
func (t *traced) define(base string, args []Output, types []argument) (name string, stateful bool, err error) {
	root := t.g.root()
	def, err := t.g.GraphDef()
	if err != nil {
		return "", false, err
	}
	ops, err := libraryOps(def)
	if err != nil {
		return "", false, err
	}
	b := &funcgraph.Body{Nodes: def.GetNode(), Control: effects(def.GetNode(), ops)}
	for i, arg := range args {
		a := funcgraph.Arg{Type: types[i].dtype, Node: "unused_" + strconv.Itoa(i)}
		if a.Type == dtype.Resource {
			a.Handles = funcgraph.Handles(types[i].handle)
		}
		if arg.Op != nil {
			a.Node = arg.Op.Name()
		}
		if a.Shape, err = capi.AttrValue([]Shape{types[i].shape}); err != nil {
			return "", false, err
		}
		b.Args = append(b.Args, a)
	}
	for _, r := range t.results {
		b.Results = append(b.Results, funcgraph.Result{Tensor: graphbuild.TensorName(r)})
	}
	if b.Name, err = root.functionName(base); err != nil {
		return "", false, err
	}
	f, err := b.Def(ops)
	if err != nil {
		return "", false, err
	}
	if err := root.addFunction(f); err != nil {
		return "", false, fmt.Errorf("%s: %w", t.what, err)
	}
	return b.Name, b.Stateful(ops), nil
}

// afterEffects makes the results wait for the operations with effects. A session runs only the
// part of a branch on which its results depend.
func (t *traced) afterEffects() error {
	def, err := t.g.GraphDef()
	if err != nil {
		return err
	}
	ops, err := libraryOps(def)
	if err != nil {
		return err
	}
	var run []*Operation
	for _, name := range effects(def.GetNode(), ops) {
		run = append(run, t.g.Operation(name))
	}
	if len(run) > 0 {
		t.results = t.g.Scope().WithControlDependencies(run...).identities(t.results)
	}
	return t.g.Err()
}

// stateReaders are operations that are stateful by their definition, but that nobody misses
// if nothing uses their results.
var stateReaders = []string{
	"ReadVariableOp", "VarHandleOp", "VarIsInitializedOp", "VariableShape", "ResourceGather", "ResourceGatherNd",
	"RandomGamma", "RandomPoisson", "RandomPoissonV2", "RandomShuffle", "RandomStandardNormal", "RandomUniform",
	"RandomUniformInt", "TruncatedNormal", "ParameterizedTruncatedNormal", "Multinomial", "Placeholder",
	"LookupTableFindV2", "LookupTableSizeV2", "HashTableV2", "MutableHashTableV2",
}

// effects returns the nodes that run in every call of a body, because they do more than
// to compute a result.
func effects(nodes []*graphdef.NodeDef, ops *opdef.Set) []string {
	var names []string
	for _, n := range nodes {
		if ops.Get(n.GetOp()).GetIsStateful() && !slices.Contains(stateReaders, n.GetOp()) {
			names = append(names, n.GetName())
		}
	}
	return names
}

// functionBase returns the beginning of a function's name.
func functionBase(scope, part string) string { return cmp.Or(scope, "function") + "_" + part }
