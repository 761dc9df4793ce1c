package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/nearest"
)

// selectTensors returns the tensors that names select, or all if there are no names, in the
// order of the checkpoint. A name that selects no tensor is an error.
func selectTensors(r *checkpoint.Reader, names []string) ([]checkpoint.TensorInfo, error) {
	if len(names) == 0 {
		return slices.Collect(r.Tensors()), nil
	}
	selected := map[string]bool{}
	for _, name := range names {
		found := matching(r, name)
		if len(found) == 0 {
			return nil, noTensor(r, name)
		}
		for _, f := range found {
			selected[f] = true
		}
	}
	var chosen []checkpoint.TensorInfo
	for t := range r.Tensors() {
		if selected[t.Name] {
			chosen = append(chosen, t)
		}
	}
	return chosen, nil
}

// matching returns the names of the tensors that a name or pattern selects. The name of a
// tensor is not a pattern, even with a * in it.
func matching(r *checkpoint.Reader, name string) []string {
	if _, ok := r.Lookup(name); ok {
		return []string{name}
	}
	var found []string
	for t := range r.Tensors() {
		if strings.Contains(name, "*") && matches(name, t.Name) {
			found = append(found, t.Name)
		}
	}
	return found
}

// noTensor returns the error for a name that the checkpoint does not have.
func noTensor(r *checkpoint.Reader, name string) error {
	var names []string
	for t := range r.Tensors() {
		names = append(names, t.Name)
	}
	remedy := fmt.Sprintf("\"tfkeep ls %s\" lists its %d", r.Prefix(), len(names))
	if near := nearest.Names(name, names, 3); len(near) > 0 {
		remedy = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("%s has no tensor %q; %s", r.Prefix(), name, remedy)
}

// matches reports whether a name matches a pattern in which * stands for anything.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	name, ok := strings.CutPrefix(name, parts[0])
	if !ok || len(parts) == 1 {
		return ok && name == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, parts[last])
}
