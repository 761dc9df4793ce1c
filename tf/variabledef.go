package tf

import (
	"strconv"
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"google.golang.org/protobuf/proto"
)

// VariableDef is how a variable is written into a meta graph.
type VariableDef = variable_go_proto.VariableDef

// Def is the variable as Python writes it into a meta graph.
func (v *Variable) Def() *VariableDef { return proto.Clone(v.def).(*VariableDef) }

// VariableFromDef finds the variable that def describes among the nodes of g,
// which were imported under importScope, or "". It adds no node and puts the
// variable in no collection.
func VariableFromDef(g *Graph, def *VariableDef, importScope string) (*Variable, error) {
	if def.GetVariableName() == "" {
		return nil, invalidf("a VariableDef without variable_name")
	}
	def = scoped(def, importScope)
	v := &Variable{g: g, def: def, resource: def.GetIsResource()}
	var err error
	if v.handle, err = g.OutputByName(def.GetVariableName()); err != nil {
		return nil, variableError("find", def.GetVariableName(), err)
	}
	v.name = v.handle.Op.Name()
	if err := v.describe(); err != nil {
		return nil, variableError("find", v.name, err)
	}
	if v.initializer, err = g.operationNamed(def.GetInitializerName()); err != nil {
		return nil, variableError("find", v.name, err)
	}
	if name := def.GetInitialValueName(); name != "" {
		if v.initial, err = g.OutputByName(name); err != nil {
			return nil, variableError("find", v.name, err)
		}
	}
	if v.value, err = g.OutputByName(v.snapshotName()); err != nil {
		return nil, variableError("find", v.name, err)
	}
	if op := g.Operation(v.name + "/IsInitialized/VarIsInitializedOp"); op != nil && v.resource {
		v.initialized = op.Output(0)
	}
	return v, nil
}

// snapshotName is the name of the read. Early VariableDefs lack it; Python
// takes the value beside the variable then.
func (v *Variable) snapshotName() string {
	if name := v.def.GetSnapshotName(); name != "" {
		return name
	}
	if v.resource {
		return v.name + "/Read/ReadVariableOp:0"
	}
	return v.name + "/read:0"
}

// describe reads type and shape off the variable's node.
func (v *Variable) describe() error {
	switch dt := v.handle.DataType(); {
	case v.resource != (dt == tensorflow.DataType(dtype.Resource)):
		return invalidf("the VariableDef has is_resource %v, and node %q is a %s", v.resource, v.name, v.handle.Op.Type())
	case !v.resource:
		v.dtype, v.shape = dtype.Base(dtype.DataType(dt)), v.handle.Shape()
		return nil
	}
	dt, err := capi.Attr(v.handle.Op, "dtype")
	if err != nil {
		return invalidf("node %q is a %s, which does not say what the variable holds", v.name, v.handle.Op.Type())
	}
	v.dtype = dt.GetType()
	if shape, err := capi.Attr(v.handle.Op, "shape"); err == nil && !shape.GetShape().GetUnknownRank() {
		dims := make([]int64, len(shape.GetShape().GetDim()))
		for i, d := range shape.GetShape().GetDim() {
			dims[i] = d.GetSize()
		}
		v.shape = MakeShape(dims...)
	}
	return nil
}

// scoped is def with importScope before its names, as import_scoped_meta_graph
// puts it.
func scoped(def *VariableDef, importScope string) *VariableDef {
	scope := strings.TrimSuffix(importScope, "/")
	if scope == "" {
		return proto.Clone(def).(*VariableDef)
	}
	return inScope(def, scope).(*VariableDef)
}

func (g *Graph) operationNamed(name string) (*Operation, error) {
	if name == "" {
		return nil, nil
	}
	op := g.Operation(strings.TrimPrefix(name, "^"))
	if op == nil {
		return nil, errNoOperation(name)
	}
	return op, nil
}

// tensorName is the name of an output, "a:0".
func tensorName(o Output) string {
	return o.Op.Name() + ":" + strconv.Itoa(o.Index)
}
