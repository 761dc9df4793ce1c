package saver

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// This file turns VarList or VarMap into saveables in the order of their names, by the
// rules of TensorFlow's python/training/saving/saveable_object_util.py.

// Var makes a Saveable, for Options.VarList and VarMap, of a variable: a *tf.Variable,
// the parts of one partitioned variable, or the tf.Output of a variable that the graph
// knows by its nodes only (a reference, or the read of a resource).
func Var[T *tf.Variable | []*tf.Variable | tf.Output](v T) Saveable {
	switch v := any(v).(type) {
	case *tf.Variable:
		return &source{variable: v}
	case []*tf.Variable:
		return &source{parts: v, partitioned: true}
	case tf.Output:
		return &source{output: v, isOutput: true}
	}
	return nil
}

// Vars makes a list of Saveables, for Options.VarList: one for each argument, by Var.
func Vars[T *tf.Variable | []*tf.Variable | tf.Output](vs ...T) []Saveable {
	list := make([]Saveable, len(vs))
	for i, v := range vs {
		list[i] = Var(v)
	}
	return list
}

// source is a variable that has no name in the checkpoint yet.
type source struct {
	variable    *tf.Variable
	parts       []*tf.Variable
	output      tf.Output
	partitioned bool // parts counts
	isOutput    bool // output counts
}

// named returns the saveables of the variable under a name; several for a partitioned
// one.
func (s *source) named(name string) ([]Saveable, error) {
	switch {
	case s.partitioned && !slices.Contains(s.parts, nil):
		return partsOf(name, s.parts)
	case s.isOutput && s.output.Op != nil:
		if v, ok := fromOutput(name, s.output); ok {
			return []Saveable{v}, nil
		}
	case s.variable != nil:
		return []Saveable{fromVariable(name, s.variable)}, nil
	}
	return nil, badVariable(s)
}

// tensorName returns what a member of a list is sorted by.
func (s *source) tensorName() (string, error) {
	switch {
	case s.partitioned && len(s.parts) == 0:
		return "", fault(tfkeep.ErrArgument, "a partitioned variable without parts")
	case s.partitioned && !slices.Contains(s.parts, nil):
		return s.parts[0].TensorName(), nil
	case s.isOutput && s.output.Op != nil:
		return graphbuild.TensorName(s.output), nil
	case s.variable != nil:
		return s.variable.TensorName(), nil
	}
	return "", badVariable(s)
}

// String describes the variable in errors.
func (s *source) String() string {
	switch {
	case s.partitioned:
		if slices.Contains(s.parts, nil) {
			return "parts of which one is nil"
		}
		return fmt.Sprint(s.parts)
	case s.isOutput && s.output.Op == nil:
		return "an empty tf.Output"
	case s.isOutput:
		return fmt.Sprintf("%s, the output of a %s", graphbuild.TensorName(s.output), s.output.Op.Type())
	case s.variable == nil:
		return "a nil *tf.Variable"
	}
	return s.variable.TensorName()
}

// Name implements Saveable.
func (s *source) Name() string {
	switch {
	case s.partitioned && len(s.parts) > 0 && s.parts[0].SaveSliceInfo() != nil:
		return s.parts[0].SaveSliceInfo().FullName
	case s.isOutput && s.output.Op != nil:
		if v, ok := fromOutput("", s.output); ok {
			return v.target.Op.Name()
		}
	case s.variable != nil:
		return s.variable.Name()
	}
	return ""
}

// Specs implements Saveable.
func (s *source) Specs(n *Nodes) ([]Spec, error) {
	saveables, err := s.named(s.Name())
	if err != nil {
		return nil, err
	}
	var specs []Spec
	for _, each := range saveables {
		some, err := each.Specs(n)
		if err != nil {
			return nil, err
		}
		specs = append(specs, some...)
	}
	return specs, nil
}

// Restore implements Saveable.
func (s *source) Restore(n *Nodes, restored []tf.Output) (*tf.Operation, error) {
	saveables, err := s.named(s.Name())
	if err != nil {
		return nil, err
	}
	var assigns []*tf.Operation
	for i, each := range saveables {
		assign, err := each.Restore(n, restored[i:i+1])
		if err != nil {
			return nil, err
		}
		assigns = append(assigns, assign)
	}
	return n.Add(tf.OpSpec{Type: "NoOp", ControlDependencies: assigns})
}

func badVariable(s Saveable) error {
	return fault(tfkeep.ErrArgument, "not a variable that can be saved: %v", s)
}

// allSaveables returns what a Saver without a list saves.
func allSaveables(g *tf.Graph) []Saveable {
	list := Vars(g.GlobalVariables()...)
	for _, it := range g.Collection(tf.SaveableObjects) {
		if v := it.Variable(); v != nil {
			list = append(list, Var(v))
		} else if s, ok := it.Value().(Saveable); ok {
			list = append(list, s)
		}
	}
	return list
}

// fromList names the members of a list and turns it into a map. The parts of one
// partitioned variable come together under its name.
func fromList(list []Saveable) (map[string]Saveable, error) {
	sorted, err := byTensorName(list)
	if err != nil {
		return nil, err
	}
	named := make(map[string]Saveable, len(sorted))
	add := func(name string, v Saveable) error {
		if _, taken := named[name]; taken {
			return fault(tfkeep.ErrArgument, "two variables have the same name: %s", name)
		}
		named[name] = v
		return nil
	}
	for _, v := range sorted {
		s, ok := v.(*source)
		if !ok {
			if err := add(v.Name(), v); err != nil {
				return nil, err
			}
			continue
		}
		if s.variable == nil || s.variable.SaveSliceInfo() == nil {
			if s.isOutput && s.Name() == "" {
				return nil, badVariable(s)
			}
			if err := add(s.Name(), s); err != nil {
				return nil, err
			}
			continue
		}
		full := s.variable.SaveSliceInfo().FullName
		have, taken := named[full]
		parts, ok := have.(*source)
		switch {
		case !taken:
			named[full] = Var([]*tf.Variable{s.variable})
		case ok && parts.partitioned:
			named[full] = Var(append(parts.parts, s.variable))
		default:
			return nil, fault(tfkeep.ErrArgument, "a part of a partitioned variable and another variable have the same name: %s", full)
		}
	}
	return named, nil
}

// checkNamed returns an error if a variable has no name, or is not of the graph.
func checkNamed(g *tf.Graph, named map[string]Saveable) error {
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if name == "" {
			return fault(tfkeep.ErrArgument, "the name of %v in the checkpoint is empty", named[name])
		}
		s, ok := named[name].(*source)
		if !ok {
			continue
		}
		for _, v := range append(slices.Clip(s.parts), s.variable) {
			if v != nil && v.Graph() != g {
				return fault(tfkeep.ErrArgument, "variable %q belongs to another graph than the Saver", v.Name())
			}
		}
	}
	return nil
}

// byTensorName sorts a list as TensorFlow does.
func byTensorName(list []Saveable) ([]Saveable, error) {
	type entry struct {
		name string
		v    Saveable
	}
	entries := make([]entry, len(list))
	for i, v := range list {
		entries[i].v = v
		var err error
		switch s := v.(type) {
		case nil:
			err = fault(tfkeep.ErrArgument, "a nil Saveable")
		case *source:
			entries[i].name, err = s.tensorName()
		default:
			entries[i].name = v.Name()
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	sorted := make([]Saveable, len(list))
	for i, e := range entries {
		sorted[i] = e.v
	}
	return sorted, nil
}

// fromMap makes the items to build nodes for, in the order of their names.
func fromMap(named map[string]Saveable) ([]*item, error) {
	var items []*item
	seen := map[any]bool{}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		saveables := []Saveable{named[name]}
		switch s := named[name].(type) {
		case nil:
			return nil, fault(tfkeep.ErrArgument, "%s is a nil Saveable", name)
		case *source:
			var err error
			if saveables, err = s.named(name); err != nil {
				return nil, err
			}
		}
		for _, s := range saveables {
			id := identity(s)
			if seen[id] {
				return nil, fault(tfkeep.ErrArgument, "the same variable would be saved under two names, one of which is %s", s.Name())
			}
			seen[id] = true
			items = append(items, &item{Saveable: s})
		}
	}
	return items, nil
}

func identity(s Saveable) any {
	if v, ok := s.(*variable); ok {
		return v.identity
	}
	if reflect.TypeOf(s).Comparable() {
		return s
	}
	return &s // can't be compared, and so can't be found twice
}

func partsOf(name string, parts []*tf.Variable) ([]Saveable, error) {
	full := ""
	var out []Saveable
	for _, v := range parts {
		info := v.SaveSliceInfo()
		if info == nil {
			return nil, fault(tfkeep.ErrArgument, "%s is not a part of a partitioned variable", v.Name())
		}
		if full == "" {
			full = info.FullName
		} else if full != info.FullName {
			return nil, fault(tfkeep.ErrArgument, "parts of two partitioned variables: %s and %s", full, info.FullName)
		}
		out = append(out, fromSlice(name, v))
	}
	return out, nil
}

// sliceSpec returns the part that v is of its partitioned variable, in the form that
// save and restore nodes take.
func sliceSpec(v *tf.Variable) string {
	info := v.SaveSliceInfo()
	s := make(checkpoint.Slice, len(info.Offset))
	for i := range s {
		s[i] = checkpoint.Extent{Start: info.Offset[i], Length: info.Shape[i]}
	}
	return checkpoint.FormatSliceSpec(info.FullShape, s)
}
