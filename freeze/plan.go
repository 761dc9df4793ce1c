package freeze

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nearest"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// maxBytes is the size of the largest protobuf message that TensorFlow reads.
const maxBytes = math.MaxInt32

// Plan is a frozen graph whose weights are still where they come from. Several
// goroutines may use it at the same time.
type Plan struct {
	src    checkpoint.Source
	graph  *graphdef.GraphDef   // the constants of variables have no value here
	values map[string]*valueRef // node name → its value
	report Report
	closer io.Closer // nil if the source is the caller's to close
}

// Report returns what was done to the graph. The caller may change it.
func (p *Plan) Report() Report { return p.report.clone() }

// Close closes the source of the values, if the plan owns it: plans of [New] do if
// Options.CloseSource is set, all other plans do.
func (p *Plan) Close() error {
	if p == nil {
		return argcheck.Nil("close", "", "Plan")
	}
	if p.closer == nil {
		return nil
	}
	return p.closer.Close()
}

// check returns why a plan cannot be used: no function of this package has made it, or ctx
// is nil or has ended.
func (p *Plan) check(ctx context.Context) error {
	if p == nil || p.graph == nil {
		return argcheck.Nil("freeze", "", "Plan")
	}
	return argcheck.Context(ctx, "freeze", "")
}

// New plans the freezing of a graph with the values of src. It reads no weights, except
// for variables of strings. It does not change def, which must not change while the plan
// is in use.
//
// The error is a tfkeep.ErrArgument if no output is named, a tfkeep.ErrNotFound for nodes
// that the graph lacks (with the most similar names) and for a graph without
// variables, a [*ValuesError] with all values that are missing or do not fit, a
// tfkeep.ErrUnsupported for a use of a variable that has no meaning for a constant, a
// tfkeep.ErrCorrupt for a graph that contradicts itself, or a tfkeep.ErrTooLarge for a
// frozen graph of more than 2 GiB.
func New(ctx context.Context, def *graphdef.GraphDef, src checkpoint.Source, o *Options) (*Plan, error) {
	if o == nil {
		o = &Options{}
	}
	switch {
	case def == nil:
		return nil, &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrArgument, Detail: "the graph is nil"}
	case src == nil && hasVariables(def.GetNode()):
		return nil, &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrArgument, Detail: "the source of the values is nil"}
	}
	p, err := newPlan(ctx, def, src, o, nil)
	if err != nil {
		return nil, err
	}
	if closer, ok := src.(io.Closer); ok && o.CloseSource {
		p.closer = closer
	}
	return p, nil
}

// newPlan is New with the objects of a SavedModel, which may be nil.
func newPlan(ctx context.Context, def *graphdef.GraphDef, src checkpoint.Source, o *Options, objects *pb.SavedObjectGraph) (*Plan, error) {
	if err := argcheck.Context(ctx, "freeze", ""); err != nil {
		return nil, err
	}
	if def == nil {
		def = &graphdef.GraphDef{}
	}
	if o.Limits != nil {
		if err := check.Graph(def, &check.Options{Limits: o.Limits}); errors.Is(err, tfkeep.ErrTooLarge) {
			return nil, err
		}
	}
	b := newBody(slices.Clone(def.Node), nil)
	if err := checkNames(b); err != nil {
		return nil, err
	}
	report := Report{}
	roots, err := report.findRoots(b, o)
	if err != nil {
		return nil, err
	}
	if err := b.extract(roots); err != nil {
		return nil, err
	}
	if err := b.replaceTPU(); err != nil {
		return nil, err
	}
	lib := newLibrary(def)
	lib.liftHandles(b)
	if !o.AllowNoVariables && !hasVariables(def.Node) && !hasVariables(b.nodes) && !lib.hasTables(b) {
		return nil, &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrNotFound,
			Detail: "no variables were found in this model. It is likely the model was frozen previously. You cannot freeze a graph twice"}
	}
	resolver, err := newResolver(ctx, def, b, src, o, objects)
	if err != nil {
		return nil, err
	}
	values, err := findValues(ctx, b, resolver, o)
	if err != nil {
		return nil, err
	}
	tracer := newTracer(lib)
	reached, err := tracer.trace(b, b.variables(values))
	if err != nil {
		return nil, err
	}
	uses, err := tracer.accesses(b, reached, report.Outputs)
	if err != nil {
		return nil, err
	}
	err = cmp.Or(tracer.checkOutputs(b, uses, report.Outputs), tracer.checkFetches(b, reached, uses, report.Outputs), b.checkAliases(values), o.checkInitOps(def, b, lib, values))
	if err != nil {
		return nil, err
	}
	if err := report.freezeTables(ctx, lib, b, def, src, o); err != nil {
		return nil, err
	}
	rewriter := &rewriter{tracer: tracer, report: &report, keepsShapes: tracer.keepsShapes(b)}
	if _, err := rewriter.rewrite(b, reached, uses, set(roots), nil); err != nil {
		return nil, err
	}
	report.placeConstants(b, values)
	if !o.KeepDevices {
		b.clearDevices()
	}
	if len(report.Repairs)+len(report.Embedded) > 0 || o.EmbedTables { // nodes that only replaced nodes needed go too
		if err := b.extract(roots); err != nil {
			return nil, err
		}
	}
	b.dropLostColocations()
	out := &graphdef.GraphDef{Node: b.nodes, Library: lib.inUse(def, b)}
	copyVersions(out, def)
	p := &Plan{src: src, graph: out, values: values, report: report}
	return p, p.finish(ctx)
}

// finish completes the report, and refuses a graph that no reader could take.
func (p *Plan) finish(ctx context.Context) error {
	p.report.Nodes = len(p.graph.Node)
	p.report.Functions = len(p.graph.GetLibrary().GetFunction())
	for _, n := range p.graph.Node {
		if n.Op == "Placeholder" {
			p.report.Inputs = append(p.report.Inputs, n.Name)
		}
	}
	if err := p.inlineStrings(ctx); err != nil {
		return err
	}
	p.report.Size = p.size()
	if p.report.Size > maxBytes {
		return &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrTooLarge, Detail: fmt.Sprintf(
			"the frozen graph would have %d bytes, %d of them weights, and a protobuf message 2 GiB at most; save it as a SavedModel, whose variables stay in a checkpoint of any size",
			p.report.Size, p.report.Bytes)}
	}
	return nil
}

// checkNames refuses a graph that has two nodes of the same name.
func checkNames(b *body) error {
	if len(b.index) == len(b.nodes) {
		return nil
	}
	for i, n := range b.nodes {
		if b.index[n.Name] != i {
			return nodeError(b, n, tfkeep.ErrCorrupt, "the graph has the name twice")
		}
	}
	return nil
}

// findRoots returns the nodes to keep: outputs, which it reports, and initializers.
func (r *Report) findRoots(b *body, o *Options) ([]string, error) {
	var roots, unknown []string
	for i, name := range slices.Concat(o.Outputs, o.InitializerNodes) {
		node := b.parse(strings.TrimSpace(name)).node
		switch {
		case node == "":
			continue
		case !b.has(node):
			unknown = append(unknown, suggestion(b, node))
			continue
		case !slices.Contains(roots, node):
			roots = append(roots, node)
		}
		if i < len(o.Outputs) {
			r.Outputs = append(r.Outputs, node)
		}
	}
	if len(unknown) > 0 {
		return nil, &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrNotFound,
			Detail: "the graph has no node " + strings.Join(unknown, ", ")}
	}
	if len(r.Outputs) == 0 {
		return nil, noOutputs("name the nodes to keep in Options.Outputs")
	}
	return roots, nil
}

func noOutputs(remedy string) error {
	return &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrArgument, Detail: "no output nodes named; " + remedy}
}

// suggestion returns the name of a node that the graph lacks, with the most similar names
// that it has.
func suggestion(b *body, node string) string {
	names := make([]string, len(b.nodes))
	for i, n := range b.nodes {
		names[i] = n.Name
	}
	return strconv.Quote(node) + nearest.NodeHint(node, names)
}

// findValues returns the value of each variable that is to be frozen.
func findValues(ctx context.Context, b *body, r *resolver, o *Options) (map[string]*valueRef, error) {
	allow, deny := set(o.VariableAllowlist), set(o.VariableDenylist)
	values := map[string]*valueRef{}
	bad := &ValuesError{Unread: r.keys.nodes}
	if source, ok := r.src.(fmt.Stringer); ok {
		bad.Source = source.String()
	}
	renames, err := newRenamer(r.src, o.Rename)
	if err != nil {
		return nil, err
	}
	for _, n := range b.nodes {
		if !nodedef.IsVariableOp(n.Op) || deny[n.Name] || len(allow) > 0 && !allow[n.Name] {
			continue
		}
		ref, problem := renames.find(n)
		if ref != nil {
			ref.renamed = true
		} else if problem == nil {
			ref, problem = r.find(ctx, n)
		}
		if problem != nil {
			bad.add(problem)
		} else {
			values[n.Name] = ref
		}
	}
	if len(bad.Missing)+len(bad.Mismatch)+len(bad.Unclear) > 0 {
		return nil, bad
	}
	return values, renames.unused()
}

// variables returns the tensors of the variables that have values.
func (b *body) variables(values map[string]*valueRef) flow {
	seeds := flow{}
	for _, n := range b.nodes {
		if ref := values[n.Name]; ref != nil {
			seeds[tensor{node: n.Name}] = carrier{dtype: ref.dtype, resource: n.Op == "VarHandleOp", shape: shapeOf(ref.shape), variable: variableOf(n)}
		}
	}
	return seeds
}

// placeConstants replaces variables by constants that have no value yet, and reports
// which variables were replaced and which stay.
func (r *Report) placeConstants(b *body, values map[string]*valueRef) {
	for i, n := range b.nodes {
		ref := values[n.Name]
		switch {
		case ref != nil:
			b.set(i, &graphdef.NodeDef{Name: n.Name, Op: "Const"})
			r.Frozen = append(r.Frozen, Variable{Name: n.Name, Key: ref.key, DType: dtype.Name(ref.dtype), Shape: ref.shape, Bytes: ref.bytes, Others: ref.others})
			r.Bytes += ref.bytes
			if ref.renamed {
				r.Renamed = append(r.Renamed, n.Name)
			}
		case nodedef.IsVariableOp(n.Op):
			r.Kept = append(r.Kept, n.Name)
		}
	}
}

// clearDevices removes the device of each node.
func (b *body) clearDevices() {
	for i, n := range b.nodes {
		if n.Device != "" {
			b.mutable(i).Device = ""
		}
	}
}

// hasVariables reports whether there is anything to freeze.
func hasVariables(nodes []*graphdef.NodeDef) bool {
	return slices.ContainsFunc(nodes, func(n *graphdef.NodeDef) bool { return nodedef.IsVariableOp(n.Op) })
}

// set returns the names that are not blank.
func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			m[n] = true
		}
	}
	return m
}

// copyVersions copies the versions of the TensorFlow that wrote a graph.
func copyVersions(to, from *graphdef.GraphDef) {
	to.Versions = from.Versions
	to.Version = from.Version //nolint:staticcheck // deprecated, but files of 2015 have only this
}
