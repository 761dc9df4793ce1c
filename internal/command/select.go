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
	wanted := map[string]bool{}
	for _, name := range names {
		found := false
		if _, ok := r.Lookup(name); ok {
			wanted[name], found = true, true
		} else if strings.Contains(name, "*") {
			for t := range r.Tensors() {
				if matches(name, t.Name) {
					wanted[t.Name], found = true, true
				}
			}
		}
		if !found {
			return nil, noTensor(r, name)
		}
	}
	var chosen []checkpoint.TensorInfo
	for t := range r.Tensors() {
		if wanted[t.Name] {
			chosen = append(chosen, t)
		}
	}
	return chosen, nil
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
