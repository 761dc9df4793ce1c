package op

import (
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/tf"
)

//go:generate go run ../../scripts/genop -o wrappers.go

// Scope is the scope that the operations are added under.
type Scope = tf.Scope

// NewScope returns the root scope of a new graph.
func NewScope() *Scope { return tf.NewGraph().Scope() }

// Const adds a constant. value is a *tf.Tensor, or what tf.NewTensor takes: a Go scalar,
// array or slice.
func Const(scope *Scope, value any) (output tf.Output) {
	if scope.Err() != nil {
		return tf.Output{}
	}
	t, ok := value.(*tf.Tensor)
	if !ok {
		var err error
		if t, err = tf.NewTensor(value); err != nil {
			scope.UpdateErr("Const", err)
			return tf.Output{}
		}
		defer tf.Release(t)
	}
	return tf.Out(add(scope, "Const", attrs{"dtype": dtype.DataType(t.DataType()), "value": t}), 0)
}

// attrs are the attributes of an operation that is about to be added.
type attrs map[string]any

// with adds optional attributes to attributes.
func with[F ~func(attrs)](m attrs, optional []F) attrs {
	for _, set := range optional {
		set(m)
	}
	return m
}

// option sets an optional attribute. It is not inlined: there are 1,700 of them, and their
// closures would take a fifth of the package's compile time.
//
//go:noinline
func option(name string, value any) func(attrs) {
	return func(m attrs) { m[name] = value }
}

func add(scope *Scope, typ string, m attrs, inputs ...tf.Input) *tf.Operation {
	return scope.AddOperation(tf.OpSpec{Type: typ, Input: inputs, Attrs: m})
}

// results takes the outputs of an operation one after the other. They are zero values if
// the operation is nil because it could not be added.
type results struct {
	scope *Scope
	o     *tf.Operation
	next  int
}

func (r *results) one() tf.Output {
	r.next++
	return tf.Out(r.o, r.next-1)
}

// list takes the outputs that are the list with a name.
func (r *results) list(name string) []tf.Output {
	if r.o == nil {
		return nil
	}
	n, err := r.o.OutputListSize(name)
	if err != nil {
		r.scope.UpdateErr(r.o.Type(), err)
		return nil
	}
	outputs := make([]tf.Output, n)
	for i := range outputs {
		outputs[i] = r.one()
	}
	return outputs
}

func dataTypes[D tf.AnyDataType](list []D) []dtype.DataType {
	types := make([]dtype.DataType, len(list))
	for i, t := range list {
		types[i] = dtype.DataType(t)
	}
	return types
}

func funcs(list []tf.Func) *graphdef.AttrValue { return tf.FuncList(list) }
