package saver

import (
	"fmt"
	"reflect"
	"slices"
	"sort"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/tf"
)

// This file turns what the caller wants saved into saveables in the order of
// their names, with TensorFlow's rules and messages
// (python/training/saving/saveable_object_util.py).

// allSaveables is what a Saver without a list saves.
func allSaveables(g *tf.Graph) []any {
	var list []any
	for _, v := range g.GlobalVariables() {
		list = append(list, v)
	}
	for _, it := range g.Collection(tf.SaveableObjects) {
		if v := it.Variable(); v != nil {
			list = append(list, v)
		} else if s, ok := it.Value().(Saveable); ok {
			list = append(list, s)
		}
	}
	return list
}

// fromList names the members of a list and turns it into a map. The parts of
// one partitioned variable come together under its name.
func fromList(list []any) (map[string]any, error) {
	sorted := append([]any(nil), list...)
	names := make(map[int]string, len(list))
	for i, v := range sorted {
		name, err := ownName(v)
		if err != nil {
			return nil, err
		}
		names[i] = name
	}
	order := make([]int, len(sorted))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return names[order[i]] < names[order[j]] })

	named := make(map[string]any, len(sorted))
	add := func(name string, v any) error {
		if _, taken := named[name]; taken {
			return fmt.Errorf("%w: At least two variables have the same name: %s", ErrVarList, name)
		}
		named[name] = v
		return nil
	}
	for _, i := range order {
		var err error
		switch v := sorted[i].(type) {
		case *tf.Variable:
			info := v.SaveSliceInfo()
			if info == nil {
				err = add(v.Name(), v)
				break
			}
			switch have := named[info.FullName].(type) {
			case nil:
				named[info.FullName] = []*tf.Variable{v}
			case []*tf.Variable:
				named[info.FullName] = append(have, v)
			default:
				err = fmt.Errorf("%w: Mixing slices and non-slices with the same name: %s", ErrVarList, info.FullName)
			}
		case []*tf.Variable:
			name := ""
			if len(v) > 0 && v[0].SaveSliceInfo() != nil {
				name = v[0].SaveSliceInfo().FullName
			}
			err = add(name, v)
		case tf.Output:
			s, ok := fromOutput("", v)
			if !ok {
				return nil, fmt.Errorf("%w: Variable to save is not a Variable: %s", ErrVarList, describe(v))
			}
			err = add(s.target.Op.Name(), v)
		case Saveable:
			err = add(v.Name(), v)
		}
		if err != nil {
			return nil, err
		}
	}
	return named, nil
}

// ownName is what a member of a list is sorted by.
func ownName(v any) (string, error) {
	switch v := v.(type) {
	case *tf.Variable:
		if v != nil {
			return v.TensorName(), nil
		}
	case []*tf.Variable:
		switch {
		case len(v) == 0:
			return "", fmt.Errorf("%w: a partitioned variable without parts", ErrVarList)
		case !slices.Contains(v, nil):
			return v[0].TensorName(), nil
		}
	case tf.Output:
		if v.Op != nil {
			return tensorName(v), nil
		}
	case Saveable:
		return v.Name(), nil
	}
	return "", fmt.Errorf("%w: Variable to save is not a Variable: %s", ErrVarList, describe(v))
}

// fromMap makes the saveables, in the order of their names.
func fromMap(named map[string]any) ([]*item, error) {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	sort.Strings(names)

	var items []*item
	seen := map[any]bool{}
	for _, name := range names {
		saveables, err := toSaveables(name, named[name])
		if err != nil {
			return nil, err
		}
		for _, s := range saveables {
			id := identity(s)
			if seen[id] {
				return nil, fmt.Errorf("%w: The same saveable will be restored with two names: %s", ErrVarList, s.Name())
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
	return &s // can't be compared, so can't be found twice
}

func toSaveables(name string, v any) ([]Saveable, error) {
	switch v := v.(type) {
	case *tf.Variable:
		if v != nil {
			return []Saveable{fromVariable(name, v)}, nil
		}
	case []*tf.Variable:
		if !slices.Contains(v, nil) {
			return partsOf(name, v)
		}
	case tf.Output:
		if v.Op == nil {
			break
		}
		if s, ok := fromOutput(name, v); ok {
			return []Saveable{s}, nil
		}
	case Saveable:
		return []Saveable{v}, nil
	}
	return nil, fmt.Errorf("%w: names_to_saveables must be a dict mapping string names to Tensors/Variables. Not a variable: %s",
		ErrVarList, describe(v))
}

func partsOf(name string, parts []*tf.Variable) ([]Saveable, error) {
	full := ""
	var out []Saveable
	for _, v := range parts {
		info := v.SaveSliceInfo()
		if info == nil {
			return nil, fmt.Errorf("%w: Slices must all be slices: %s", ErrVarList, v.Name())
		}
		if full == "" {
			full = info.FullName
		} else if full != info.FullName {
			return nil, fmt.Errorf("%w: Slices must all be from the same tensor: %s != %s", ErrVarList, full, info.FullName)
		}
		out = append(out, fromSlice(name, v))
	}
	return out, nil
}

// sliceSpec is the part that v is of its partitioned variable, as save and
// restore nodes take it.
func sliceSpec(v *tf.Variable) string {
	info := v.SaveSliceInfo()
	s := make(checkpoint.Slice, len(info.Offset))
	for i := range s {
		s[i] = checkpoint.Extent{Start: info.Offset[i], Length: info.Shape[i]}
	}
	return checkpoint.FormatSliceSpec(info.FullShape, s)
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case *tf.Variable:
		if v == nil {
			return "a nil *tf.Variable"
		}
	case []*tf.Variable:
		if slices.Contains(v, nil) {
			return "parts of which one is nil"
		}
	case tf.Output:
		if v.Op == nil {
			return "an empty tf.Output"
		}
		return fmt.Sprintf("%s, the output of a %s", tensorName(v), v.Op.Type())
	}
	return fmt.Sprintf("%v (%T)", v, v)
}
