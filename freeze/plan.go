package freeze

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/nearest"
)

// maxBytes is the largest protobuf message that TensorFlow reads.
const maxBytes = math.MaxInt32

// Plan is a frozen graph whose weights are still where they come from. It is
// safe for use by several goroutines once made.
type Plan struct {
	src    Source
	graph  *graphpb.GraphDef    // constants of variables have no value here
	values map[string]*valueRef // node name → its value
	report Report
	closer io.Closer
}

// Report tells what was done to the graph.
func (p *Plan) Report() Report { return p.report }

// Close releases what the plan reads from, if the plan owns it: the plans of
// FromCheckpoint and its like do, those of New do not.
func (p *Plan) Close() error {
	if p.closer == nil {
		return nil
	}
	return p.closer.Close()
}

// Own makes Close close c: what the plan's values come from, if nobody else
// will.
func (p *Plan) Own(c io.Closer) { p.closer = c }

// freezer is the state of one run.
type freezer struct {
	library   map[string]*functionpb.FunctionDef
	traced    map[callKey]*tracedFunc
	active    map[string]bool
	copies    []*functionpb.FunctionDef
	copyNames map[string]bool
	lifted    map[string]string // copy that takes handles as arguments → the function it is made of
	report    Report
}

// New plans the freezing of a graph with the values of src. It reads no
// weights, except for variables of strings. def is not changed.
//
// Errors: [ErrNoOutputs], [ErrUnknownNode] with the names that come nearest,
// [ErrNoVariables], [*ValuesError] with all values that are missing or do not
// fit, [ErrUnsupported], [ErrBadGraph], [ErrTooLarge].
func New(def *graphpb.GraphDef, src Source, o *Options) (*Plan, error) {
	if o == nil {
		o = &Options{}
	}
	return newPlan(def, src, o, nil)
}

// newPlan is New with aliases: names of variables that are not their keys.
func newPlan(def *graphpb.GraphDef, src Source, o *Options, aliases map[string]string) (*Plan, error) {
	f := &freezer{
		library: map[string]*functionpb.FunctionDef{}, traced: map[callKey]*tracedFunc{},
		active: map[string]bool{}, copyNames: map[string]bool{}, lifted: map[string]string{},
	}
	for _, fn := range def.GetLibrary().GetFunction() {
		f.library[fn.GetSignature().GetName()] = fn
	}
	out := graphOf(def)
	b := newBody(out.Node, nil)
	if len(b.index) != len(b.nodes) {
		return nil, duplicate(b)
	}
	roots, keep, err := f.roots(b, o)
	if err != nil {
		return nil, err
	}
	if err := b.extract(roots); err != nil {
		return nil, err
	}
	f.liftHandles(b)
	values, err := f.variables(b, def, src, o, aliases)
	if err != nil {
		return nil, err
	}
	seeds := flow{}
	for _, n := range b.nodes {
		if ref := values[n.Name]; ref != nil {
			seeds[tensor{node: n.Name}] = carrier{dtype: ref.dtype, resource: n.Op == "VarHandleOp"}
		}
	}
	reached, err := f.trace(b, seeds)
	if err != nil {
		return nil, err
	}
	f.describeTables(b, def)
	if o.EmbedTables {
		if err := f.embedTables(b, o.Assets); err != nil {
			return nil, err
		}
	}
	if err := f.rewrite(b, reached, keep); err != nil {
		return nil, err
	}
	for i, n := range b.nodes {
		ref := values[n.Name]
		switch {
		case ref != nil:
			b.nodes[i], b.cloned[i] = &nodepb.NodeDef{Name: n.Name, Op: "Const"}, true
			f.report.Frozen = append(f.report.Frozen, Variable{Name: n.Name, Key: ref.key,
				DType: dtype.Name(ref.dtype), Shape: ref.shape, Bytes: ref.bytes})
			f.report.Bytes += ref.bytes
		case isVariable(n.Op):
			f.report.Kept = append(f.report.Kept, n.Name)
		}
		if !o.KeepDevices && n.Device != "" {
			b.mutable(i).Device = ""
		}
	}
	if len(f.report.Repairs)+len(f.report.Embedded) > 0 { // what only the replaced nodes needed goes too
		if err := b.extract(roots); err != nil {
			return nil, err
		}
	}
	b.dropLostColocations()
	out.Node = b.nodes
	if added := append(f.liftedInUse(b), f.copies...); len(added) > 0 {
		out.Library = &functionpb.FunctionDefLibrary{
			Function: append(append([]*functionpb.FunctionDef(nil), def.Library.Function...), added...),
			Gradient: def.Library.Gradient,
		}
	}
	p := &Plan{src: src, graph: out, values: values, report: f.report}
	return p, p.finish()
}

// finish fills the rest of the report and refuses what no reader could take.
func (p *Plan) finish() error {
	p.report.Nodes = len(p.graph.Node)
	p.report.Functions = len(p.graph.GetLibrary().GetFunction())
	for _, n := range p.graph.Node {
		if n.Op == "Placeholder" {
			p.report.Inputs = append(p.report.Inputs, n.Name)
		}
	}
	if err := p.inlineStrings(context.Background()); err != nil {
		return err
	}
	p.report.Size = p.size()
	if p.report.Size > maxBytes {
		return fmt.Errorf("%w: %d bytes, %d of them weights; save it as a SavedModel, whose variables stay in a checkpoint of any size",
			ErrTooLarge, p.report.Size, p.report.Bytes)
	}
	return nil
}

// roots are the nodes to keep, outputs and initializers.
func (f *freezer) roots(b *body, o *Options) (roots []string, keep map[string]bool, err error) {
	keep = map[string]bool{}
	var unknown []string
	for i, name := range append(append([]string(nil), o.Outputs...), o.InitializerNodes...) {
		t, _ := b.parseInput(strings.TrimSpace(name))
		if t.node == "" {
			continue
		}
		if _, ok := b.index[t.node]; !ok {
			text := fmt.Sprintf("%q", t.node)
			if near := nearest.Names(t.node, nodeNames(b), 3); len(near) > 0 {
				text += " (did you mean " + strings.Join(near, ", ") + "?)"
			}
			unknown = append(unknown, text)
			continue
		}
		if !keep[t.node] {
			keep[t.node] = true
			roots = append(roots, t.node)
		}
		if i < len(o.Outputs) {
			f.report.Outputs = append(f.report.Outputs, t.node)
		}
	}
	if len(unknown) > 0 {
		return nil, nil, fmt.Errorf("%w: %s", ErrUnknownNode, strings.Join(unknown, ", "))
	}
	if len(f.report.Outputs) == 0 {
		return nil, nil, fmt.Errorf("%w; say which nodes to keep", ErrNoOutputs)
	}
	return roots, keep, nil
}

// variables decides which variables to freeze, and finds the value of each.
func (f *freezer) variables(b *body, def *graphpb.GraphDef, src Source, o *Options, aliases map[string]string) (map[string]*valueRef, error) {
	if !o.AllowNoVariables && !hasVariables(def.Node) && !hasVariables(b.nodes) {
		return nil, fmt.Errorf("%w. It is likely the model was frozen previously. You cannot freeze a graph twice", ErrNoVariables)
	}
	allow, deny := set(o.VariableAllowlist), set(o.VariableDenylist)
	res := newResolver(def, src, o.SaverDef, aliases)
	if o.NodeNames {
		res = &resolver{src: src}
	}
	values := map[string]*valueRef{}
	bad := &ValuesError{}
	if s, ok := src.(fmt.Stringer); ok {
		bad.Source = s.String()
	}
	for _, n := range b.nodes {
		if !isVariable(n.Op) || deny[n.Name] || len(allow) > 0 && !allow[n.Name] {
			continue
		}
		ref, problem, missing := res.find(n)
		switch {
		case ref != nil:
			values[n.Name] = ref
		case missing:
			bad.Missing = append(bad.Missing, problem)
		default:
			bad.Mismatch = append(bad.Mismatch, problem)
		}
	}
	if len(bad.Missing)+len(bad.Mismatch) > 0 {
		return nil, bad
	}
	return values, nil
}

// hasVariables tells whether there is anything to freeze.
func hasVariables(nodes []*nodepb.NodeDef) bool {
	for _, n := range nodes {
		if isVariable(n.Op) {
			return true
		}
	}
	return false
}

func duplicate(b *body) error {
	for i, n := range b.nodes {
		if b.index[n.Name] != i {
			return &NodeError{Node: n.Name, Op: n.Op, Err: ErrBadGraph, Text: "the name stands twice in the graph"}
		}
	}
	return nil
}

func nodeNames(b *body) []string {
	names := make([]string, len(b.nodes))
	for i, n := range b.nodes {
		names[i] = n.Name
	}
	return names
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			m[n] = true
		}
	}
	return m
}
