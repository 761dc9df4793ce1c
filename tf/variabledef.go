package tf

import (
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Def returns the variable as Python writes it into a meta graph.
func (v *Variable) Def() *graphdef.VariableDef { return proto.Clone(v.def).(*graphdef.VariableDef) }

// variableFromDef returns the variable that def describes. Its nodes are in g, where they
// were imported under importScope, or "". variableFromDef adds no nodes, and does not add
// the variable to collections.
func variableFromDef(g *Graph, def *graphdef.VariableDef, importScope string) (*Variable, error) {
	if def.GetVariableName() == "" {
		return nil, invalidf("the VariableDef has no variable_name")
	}
	def = scoped(def, importScope)
	v := &Variable{g: g, def: def, resource: def.GetIsResource()}
	var err error
	if v.handle, err = g.OutputByName(def.GetVariableName()); err != nil {
		return nil, variableError("find", def.GetVariableName(), err)
	}
	v.name = v.handle.Op.Name()
	if err := v.readType(); err != nil {
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

// snapshotName returns the name of the tensor that reads the variable. In old
// VariableDefs, which lack it, it is the one that Python uses.
func (v *Variable) snapshotName() string {
	if name := v.def.GetSnapshotName(); name != "" {
		return name
	}
	if v.resource {
		return v.name + "/Read/ReadVariableOp:0"
	}
	return v.name + "/read:0"
}

// readType reads type and shape from the variable's node.
func (v *Variable) readType() error {
	switch dt := v.handle.DataType(); {
	case v.resource != (dt == tensorflow.DataType(dtype.Resource)):
		return invalidf("the VariableDef has is_resource %v, but node %q is a %s", v.resource, v.name, v.handle.Op.Type())
	case !v.resource:
		v.dtype, v.shape = dtype.Base(dtype.DataType(dt)), v.handle.Shape()
		return nil
	}
	dt, err := capi.Attr(v.handle.Op, "dtype")
	if err != nil {
		return invalidf("node %q is a %s, which has no attribute dtype", v.name, v.handle.Op.Type())
	}
	v.dtype = dt.GetType()
	if shape, err := capi.Attr(v.handle.Op, "shape"); err == nil {
		if dims, ok := nodedef.Dims(shape.GetShape()); ok {
			v.shape = MakeShape(dims...)
		}
	}
	return nil
}

// scoped returns a copy of def with its names in importScope, as import_scoped_meta_graph
// does.
func scoped(def *graphdef.VariableDef, importScope string) *graphdef.VariableDef {
	scope := strings.TrimSuffix(importScope, "/")
	if scope == "" {
		return proto.Clone(def).(*graphdef.VariableDef)
	}
	return inScope(def, scope).(*graphdef.VariableDef)
}

// operationNamed returns an operation, or nil for the empty name.
func (g *Graph) operationNamed(name string) (*Operation, error) {
	if name == "" {
		return nil, nil
	}
	op := g.Operation(strings.TrimPrefix(name, "^"))
	if op == nil {
		return nil, g.errNoOperation(name)
	}
	return op, nil
}
