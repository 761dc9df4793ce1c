package tf

import (
	"cmp"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
)

// Scope adds operations to a graph that have something in common: the beginning of their
// names, a device, control dependencies, colocation. The op wrappers of package tf/op take
// one as their first argument. A Scope does not change: its methods return new ones.
//
// An operation that cannot be added is not an error of the call that adds it. The graph
// keeps its first error with the line of the program ([Graph.Err]), and operations that
// depend on the failed one, or come after it, are not added either. So one check after a
// part of the graph is built is enough; NewSession, train.Minimize, saver.New and exports
// return the error, too.
type Scope struct {
	g       *Graph
	name    string // without a slash at the end; "" for the graph's root
	devices deviceStack
	control []*controlFrame
	class   []string // the colocation groups
	// colocated is the device of the operation of ColocateWith, if it has one.
	colocated string
}

// controlFrame is one level of control dependencies.
type controlFrame struct {
	ops []*Operation
	// added has the operations that were added at this level. An operation that uses one
	// of them runs after ops already, and gets no edges from them, as in Python.
	added map[string]bool
}

func (f *controlFrame) has(op *Operation) bool {
	return slices.ContainsFunc(f.ops, func(o *Operation) bool { return o.Name() == op.Name() })
}

// Scope returns the root scope of the graph.
func (g *Graph) Scope() *Scope { return &Scope{g: g} }

// Graph returns the graph of the scope.
func (s *Scope) Graph() *Graph { return s.g }

// Err returns the first error of the graph; see [Graph.Err].
func (s *Scope) Err() error {
	if s == nil {
		return errNoGraph
	}
	return s.g.Err()
}

// Finalize returns the graph, or its first error.
func (s *Scope) Finalize() (*Graph, error) {
	if err := s.Err(); err != nil {
		return nil, err
	}
	return s.g, nil
}

// Sub returns a scope whose operations are called name/…, like Python's tf.name_scope. If
// the graph has such a scope or operation already, it is name_1 and so on. A name that ends in a
// slash is a whole name, taken or not: "net/" goes on with the scope net of the graph, and ""
// goes back to the graph's root.
func (s *Scope) Sub(name string) *Scope {
	sub := *s
	if name == "" {
		sub.name = ""
		return &sub
	}
	full, whole := strings.CutSuffix(name, "/")
	if !whole {
		full = s.path(name)
	}
	if err := checkName(full); err != nil {
		s.g.fail("name scope", full, err)
		return &sub
	}
	if sub.name = full; !whole {
		sub.name = s.g.UniqueName(full)
	}
	return &sub
}

// SubScope is Sub under the name that the binding's Scope has for it.
func (s *Scope) SubScope(name string) *Scope { return s.Sub(name) }

func (s *Scope) path(name string) string {
	if s.name == "" {
		return name
	}
	return s.name + "/" + name
}

// WithDevice returns a scope whose operations are on a device, such as "/gpu:0" or
// "/job:ps/task:1". What the name leaves open is completed by the devices of s, and then by
// the graph's current device, as in nested tf.device calls. "" removes them all.
func (s *Scope) WithDevice(device string) *Scope {
	with := *s
	spec, err := parseDevice(device)
	if err != nil {
		s.g.fail("device", device, err)
		return &with
	}
	with.devices = s.devices.with(deviceFrame{spec: spec, clear: device == ""})
	return &with
}

// WithControlDependencies returns a scope whose operations run after ops, and after those
// that s has already. A nil operation is an error of the graph ([Graph.Err]), unless the graph
// has one already: that of the call that should have added the operation.
func (s *Scope) WithControlDependencies(ops ...*Operation) *Scope {
	with := *s
	frame := &controlFrame{added: make(map[string]bool)}
	for _, op := range ops {
		if op == nil {
			s.g.failOnce("control dependency", "", errNilOperation)
			continue
		}
		if !slices.ContainsFunc(with.control, func(outer *controlFrame) bool { return outer.has(op) }) {
			frame.ops = append(frame.ops, op)
		}
	}
	with.control = append(slices.Clip(s.control), frame)
	return &with
}

// ColocateWith returns a scope whose operations are on the device of op, whatever other
// devices there are. If op has none, they are on that of a later WithDevice, as in Python.
func (s *Scope) ColocateWith(op *Operation) *Scope {
	with := *s
	if op == nil || capi.CheckOperation(op) != nil {
		s.g.failOnce("colocate with", "", errNilOperation)
		return &with
	}
	groups := colocations(op)
	if len(groups) == 0 {
		groups = []string{op.Name()}
	}
	with.devices = s.devices.with(deviceFrame{clear: true})
	with.colocated = cmp.Or(op.Device(), s.colocated)
	with.class = slices.Clip(s.class)
	for _, name := range groups {
		if group := "loc:@" + name; !slices.Contains(with.class, group) {
			with.class = append(with.class, group)
		}
	}
	return &with
}

// AddOperation adds an operation as [Graph.AddOp] does, with what the scope has. It returns
// nil if that fails; [Output] and [Outputs] accept that.
func (s *Scope) AddOperation(spec OpSpec) *Operation {
	if s.Err() != nil {
		return nil
	}
	if !strings.HasSuffix(spec.Name, "/") { // or else it is the whole name
		spec.Name = s.path(cmp.Or(spec.Name, spec.Type))
	}
	return s.addNamed(spec)
}

// addNamed adds an operation under a full name.
func (s *Scope) addNamed(spec OpSpec) *Operation {
	if s.g.Err() != nil {
		return nil
	}
	name := strings.TrimSuffix(spec.Name, "/")
	if err := checkInputs(spec.Input); err != nil {
		s.g.fail(spec.Type, name, err)
		return nil
	}
	spec, err := s.g.captureInputs(spec)
	if err != nil {
		s.g.fail(spec.Type, name, err)
		return nil
	}
	spec.ControlDependencies = append(slices.Clip(spec.ControlDependencies), s.controlInputs(spec.Input)...)
	spec.ControlDependencies = s.g.captureControl(spec.ControlDependencies)
	op, err := s.add(spec)
	if err != nil {
		s.g.fail(spec.Type, name, err)
		return nil
	}
	for _, frame := range s.control {
		frame.added[op.Name()] = true
	}
	return op
}

func (s *Scope) add(spec OpSpec) (*Operation, error) {
	g := s.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(s.class) == 0 {
		return g.addOpWithin(append(slices.Clip(g.devices), s.devices...), spec)
	}
	attrs := map[string]any{"_class": s.class}
	for name, value := range spec.Attrs {
		attrs[name] = value
	}
	spec.Attrs = attrs
	at := within(s.devices, spec.Device)
	if s.colocated != "" {
		at = exactly(s.colocated)
	}
	return g.addNode(spec, at)
}

// controlInputs returns the control dependencies of an operation with these inputs, as
// ops.Graph._control_dependencies_for_inputs does.
func (s *Scope) controlInputs(inputs []Input) []*Operation {
	var from []*Operation
	for output := range inputOutputs(inputs) {
		from = append(from, output.Op)
	}
	var control []*Operation
	for _, frame := range s.control {
		if slices.ContainsFunc(from, func(op *Operation) bool { return frame.added[op.Name()] }) {
			continue
		}
		for _, op := range frame.ops {
			same := func(other *Operation) bool { return other.Name() == op.Name() }
			if !slices.ContainsFunc(from, same) && !slices.ContainsFunc(control, same) {
				control = append(control, op)
			}
		}
	}
	return control
}

// inputOutputs yields all outputs that are in a list of inputs.
func inputOutputs(inputs []Input) func(yield func(Output) bool) {
	return func(yield func(Output) bool) {
		for _, input := range inputs {
			switch in := input.(type) {
			case Output:
				if !yield(in) {
					return
				}
			case tensorflow.OutputList:
				for _, o := range in {
					if !yield(o) {
						return
					}
				}
			}
		}
	}
}

// checkInputs requires that every input is an output of an operation.
func checkInputs(inputs []Input) error {
	n := 0
	for output := range inputOutputs(inputs) {
		if output.Op == nil {
			return invalidf("input %d is not an output of an operation: it is a zero Output", n)
		}
		if err := capi.CheckOutput(output); err != nil {
			return invalidf("input %d: %s", n, message(err))
		}
		n++
	}
	return nil
}

// Out returns output i of an operation, or a zero Output if op is nil because it could not
// be added.
func Out(op *Operation, i int) Output {
	if op == nil {
		return Output{}
	}
	return op.Output(i)
}

// UpdateErr records an error of code that adds operations, as if an operation of the type
// typ could not be added. It is for op wrappers.
func (s *Scope) UpdateErr(typ string, err error) {
	if s != nil && s.g != nil {
		s.g.fail(typ, s.path(typ), err)
	}
}

var errNilOperation = invalidf("the operation is nil")

// Err returns the first error of an operation that a [Scope] could not add: a
// *tfkeep.Error with the operation's type and name, and the line of the program that added
// it. Nil means that there was none. The graph then lacks operations and is of no use.
func (g *Graph) Err() error {
	if err := g.givenUp(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		return nil
	}
	return g.err
}

// fail records the first error.
func (g *Graph) fail(typ, name string, err error) {
	at := caller()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = &tfkeep.Error{Op: "add", Item: typ, Name: name, Detail: at, Cause: err}
	}
}

// failOnce is fail for an error that an earlier failure causes.
func (g *Graph) failOnce(typ, name string, err error) {
	if g.Err() == nil {
		g.fail(typ, name, err)
	}
}

// caller returns the file and line of the program that called this package, tf/op or
// tf/train.
func caller() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if !ownFunction(frame.Function) {
			return fmt.Sprintf("at %s:%d", filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return ""
		}
	}
}

// ownFunction reports whether a function belongs to this package or one below it, and not
// to their tests.
func ownFunction(name string) bool {
	rest, ok := strings.CutPrefix(name, "github.com/tfkeep/tfkeep/tf")
	if !ok || rest == "" || rest[0] != '.' && rest[0] != '/' {
		return false
	}
	pkg := rest[:strings.LastIndexByte(rest, '/')+1]
	last, _, _ := strings.Cut(rest[len(pkg):], ".")
	return !strings.HasSuffix(last, "_test")
}
