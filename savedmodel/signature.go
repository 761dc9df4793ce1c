package savedmodel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/tf"
)

// SignatureOptions are the options of Model.Signature. Nil and the zero value are the
// defaults.
type SignatureOptions struct {
	// Inputs are the names of the inputs, in the order in which Run takes them. An input that
	// the list lacks has its default value. The default is all inputs, sorted by name; the
	// parts of a sparse or composite value follow one another.
	Inputs []string
	// Outputs are the names of the outputs, in the order in which Run returns them. The
	// default is all outputs, sorted by name.
	Outputs []string
	// Trains refuses a signature that changes no variable.
	Trains bool
	// Callable has the options of the prepared step.
	Callable *tf.CallableOptions
}

// Signature is a signature of a model that is prepared to be run many times, as a training
// step is. Several goroutines may run it at the same time.
type Signature struct {
	key      string
	inputs   []port
	outputs  []string
	defaults []*tf.Tensor // of the inputs, and then of those that Run does not take
	callable *tf.Callable
}

// Signature prepares the signature with the given key. The names of its inputs and outputs
// are those of [Model.Predict]. The error is tfkeep.ErrNotFound if the model has no such
// signature, tfkeep.ErrArgument if the options do not fit it, and tfkeep.ErrUnsupported if it
// runs Python code (tf.py_function). Close the result before the model.
func (m *Model) Signature(ctx context.Context, key string, o *SignatureOptions) (*Signature, error) {
	const op = "prepare signature"
	c, err := m.bind(ctx, op, key)
	if err != nil {
		return nil, err
	}
	if o == nil {
		o = &SignatureOptions{}
	}
	if err := m.checkSignatureOps(key, o.Trains); err != nil {
		return nil, err
	}
	in, out, defaults := c.in, c.out, c.defaults
	faults := choose("input", &in, o.Inputs, defaults)
	faults = append(faults, choose("output", &out, o.Outputs, nil)...)
	if len(faults) > 0 {
		return nil, signatureError(op, key, tfkeep.ErrArgument, strings.Join(faults, "; "))
	}
	s := &Signature{key: key, inputs: in, outputs: portNames(out), defaults: make([]*tf.Tensor, len(in))}
	for i, p := range in {
		s.defaults[i] = defaults[p.name]
	}
	if len(o.Inputs) > 0 {
		s.inputs = in[:len(o.Inputs)]
	}
	if s.callable, err = m.Session.MakeCallable(outputsOf(in), outputsOf(out), nil, o.Callable); err != nil {
		return nil, causedBy(op, key, "", err)
	}
	return s, nil
}

// choose puts the ports with some names first, in this order. Those that follow need a default
// value; outputs that follow go.
func choose(side string, ports *[]port, names []string, defaults map[string]*tf.Tensor) (faults []string) {
	if len(names) == 0 {
		return nil
	}
	all := portNames(*ports)
	var chosen []port
	for i, name := range names {
		k := slices.Index(all, name)
		switch {
		case k < 0:
			faults = append(faults, unknownName(side, name, all))
		case slices.Contains(names[:i], name):
			faults = append(faults, fmt.Sprintf("the %s %q is named twice", side, name))
		default:
			chosen = append(chosen, (*ports)[k])
		}
	}
	if side == "input" {
		for _, p := range *ports {
			if slices.Contains(names, p.name) {
				continue
			}
			if defaults[p.name] == nil {
				faults = append(faults, fmt.Sprintf("the options leave out the input %q, which has no default value", p.name))
			}
			chosen = append(chosen, p)
		}
	}
	*ports = chosen
	return faults
}

// pythonOps run functions of the Python program that made the graph.
var pythonOps = []string{"EagerPyFunc", "PyFunc", "PyFuncStateless"}

// checkSignatureOps refuses a signature that runs Python code, or that should train and changes
// nothing.
func (m *Model) checkSignatureOps(key string, trains bool) error {
	const op = "prepare signature"
	plan, err := safety.NewPlan(m.MetaGraphDef)
	if err != nil {
		return err
	}
	ops := plan.Signature(key).Ops(m.MetaGraphDef.GetGraphDef())
	for _, name := range pythonOps {
		if ops[name] {
			return signatureError(op, key, tfkeep.ErrUnsupported, fmt.Sprintf("it runs an operation of type %s, which calls a function of a Python program (tf.py_function, tf.numpy_function); export a signature without it", name))
		}
	}
	if trains && !slices.ContainsFunc(slices.Collect(maps.Keys(ops)), nodedef.WritesVariable) {
		return signatureError(op, key, tfkeep.ErrArgument, "it changes no variable, so running it trains nothing; export the training step as a signature (docs/tf2.md)")
	}
	return nil
}

// Inputs returns the names of the inputs, in the order in which Run takes them.
func (s *Signature) Inputs() []string { return portNames(s.inputs) }

// Outputs returns the names of the outputs, in the order in which Run returns them.
func (s *Signature) Outputs() []string { return slices.Clone(s.outputs) }

// Run runs the signature with the inputs in the order of Inputs. A nil tensor is the input's
// default value. It returns the outputs in the order of Outputs; free them with tf.Release.
// ctx has the same effect as in tf.Session.Run. The error is tfkeep.ErrArgument with
// everything that is wrong if the inputs do not fit, and then nothing has run.
func (s *Signature) Run(ctx context.Context, inputs ...*tf.Tensor) ([]*tf.Tensor, error) {
	if s == nil || s.callable == nil {
		return nil, argcheck.Nil("run", "", "Signature")
	}
	results := make([]*tf.Tensor, len(s.outputs))
	if err := s.RunInto(ctx, results, inputs...); err != nil {
		return nil, err
	}
	return results, nil
}

// RunInto is Run for loops: it puts the outputs into the tensors of the run before, as
// [tf.Callable.RunInto] does. results has a place for each of Outputs.
func (s *Signature) RunInto(ctx context.Context, results []*tf.Tensor, inputs ...*tf.Tensor) error {
	if s == nil || s.callable == nil {
		return argcheck.Nil("run", "", "Signature")
	}
	if len(inputs) != len(s.inputs) {
		return signatureError("run", s.key, tfkeep.ErrArgument,
			fmt.Sprintf("it has %d inputs (%s), and %d were given", len(s.inputs), strings.Join(s.Inputs(), ", "), len(inputs)))
	}
	if len(results) != len(s.outputs) {
		return signatureError("run", s.key, tfkeep.ErrArgument,
			fmt.Sprintf("it has %d outputs (%s), and there is room for %d results", len(s.outputs), strings.Join(s.outputs, ", "), len(results)))
	}
	feeds := inputs
	if len(s.defaults) > len(inputs) || slices.Contains(inputs, nil) {
		feeds = slices.Clone(s.defaults)
		for i, t := range inputs {
			if t != nil {
				feeds[i] = t
			}
		}
	}
	for i, p := range s.inputs {
		if feeds[i] == nil || mismatch(p.info, feeds[i]) != "" {
			return signatureError("run", s.key, tfkeep.ErrArgument, strings.Join(s.faults(feeds), "; "))
		}
	}
	if err := s.callable.RunInto(ctx, results, feeds...); err != nil {
		return causedBy("run", s.key, "", err)
	}
	return nil
}

// faults returns everything that is wrong with the inputs.
func (s *Signature) faults(feeds []*tf.Tensor) (faults []string) {
	for i, p := range s.inputs {
		if feeds[i] == nil {
			faults = append(faults, fmt.Sprintf("input %q is missing", p.name))
		} else if fault := mismatch(p.info, feeds[i]); fault != "" {
			faults = append(faults, fmt.Sprintf("input %q: %s", p.name, fault))
		}
	}
	return faults
}

// Close frees the prepared step. A second call does nothing.
func (s *Signature) Close() error {
	if s == nil || s.callable == nil {
		return nil
	}
	return s.callable.Close()
}
