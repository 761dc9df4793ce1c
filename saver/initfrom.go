package saver

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/tf"
)

// InitFromCheckpoint gives variables values from a checkpoint of another model,
// by an assignment map in the manner of
// tf.compat.v1.train.init_from_checkpoint:
//
//	"old/w": "new/w"     one variable, by its name
//	"old/w": v           one variable, a *tf.Variable
//	"old/w": vs          the parts of a partitioned one, a []*tf.Variable
//	"old/":  "new/"      every variable below new/, from the same name below old/
//	"/":     "new/"      every variable below new/, from the same name
//	"old/":  "/"         every variable, from the same name below old/
//
// Where TensorFlow changes the variables' initializers, this assigns at once, in
// sess: run the initializers of other variables before or after it. path may be
// a directory, whose newest checkpoint is taken. All is checked before anything
// is assigned. It adds nodes to the graph. On a cluster, too, this process reads
// the file.
func InitFromCheckpoint(ctx context.Context, sess *tf.Session, path string, assignments map[string]any) (err error) {
	if sess == nil {
		return fmt.Errorf("%w: 'sess' must be a Session; nil", ErrArgument)
	}
	if len(assignments) == 0 {
		return fmt.Errorf("%w: the assignment map is empty", ErrArgument)
	}
	r, err := dir.Open(ctx, localPath(path), nil)
	if err != nil {
		return fmt.Errorf("saver: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	named, err := (&assigner{g: sess.Graph(), r: r, path: path}).resolve(assignments)
	if err != nil {
		return err
	}
	s, err := New(sess.Graph(), &Options{VarMap: named, Name: "init_from_checkpoint", Driver: Files})
	if err != nil {
		return err
	}
	return errors.Join(s.Restore(ctx, sess, r.Prefix()), s.Close())
}

// assigner turns an assignment map into one from keys to variables.
type assigner struct {
	g    *tf.Graph
	r    *checkpoint.Reader
	path string
}

func (a *assigner) resolve(assignments map[string]any) (map[string]any, error) {
	vars := a.variables()
	keys := make([]string, 0, len(assignments))
	for key := range assignments {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	named := map[string]any{}
	for _, key := range keys {
		target := assignments[key]
		if name, ok := target.(string); ok {
			v, ok := vars[name]
			if !ok {
				if err := a.scope(named, vars, key, name); err != nil {
					return nil, err
				}
				continue
			}
			target = v
		}
		if err := a.assign(named, key, target); err != nil {
			return nil, err
		}
	}
	return named, nil
}

// variables are the graph's by name, the parts of partitioned ones together.
func (a *assigner) variables() map[string]any {
	vars := map[string]any{}
	for _, v := range a.g.GlobalVariables() {
		vars[v.Name()] = v
		if info := v.SaveSliceInfo(); info != nil {
			parts, _ := vars[info.FullName].([]*tf.Variable)
			vars[info.FullName] = append(parts, v)
		}
	}
	return vars
}

func (a *assigner) assign(named map[string]any, key string, target any) error {
	have, ok := a.r.Lookup(key)
	if !ok {
		return fmt.Errorf("%w: Tensor %s is not found in %s checkpoint%s", tfkeep.ErrNotFound, key, a.path, a.hint(key))
	}
	if v, ok := target.(*tf.Variable); ok && v != nil {
		if dims, err := v.Shape().ToSlice(); err == nil && !fits(dims, have.Shape) {
			return fmt.Errorf("%w: Shape of variable %s (%s) doesn't match with shape of tensor %s (%s) from checkpoint reader",
				tfkeep.ErrMismatch, v.TensorName(), shapeText(dims), key, shapeText(have.Shape))
		}
	}
	if _, taken := named[key]; taken {
		return fmt.Errorf("%w: tensor %s is assigned to two variables; call InitFromCheckpoint once for each", ErrArgument, key)
	}
	named[key] = target
	return nil
}

func (a *assigner) hint(key string) string {
	var keys []string
	for _, t := range a.r.Tensors() {
		keys = append(keys, t.Name)
	}
	if n := nearestKey(key, keys); n != "" {
		return fmt.Sprintf(" (did you mean %s?)", n)
	}
	return ""
}

// scope assigns every variable below a scope.
func (a *assigner) scope(named, vars map[string]any, key, target string) error {
	scope := ""
	if i := strings.LastIndexByte(target, '/'); i >= 0 {
		scope = target[:i]
	}
	if !strings.HasSuffix(key, "/") {
		return fmt.Errorf("%w: Assignment map with scope only name %s should map to scope only %s. Should be 'scope/': 'other_scope/'",
			ErrArgument, scope, key)
	}
	prefix := ""
	if key != "/" {
		prefix = key
	}
	names := make([]string, 0, len(vars))
	for name := range vars {
		names = append(names, name)
	}
	sort.Strings(names)
	found := false
	for _, name := range names {
		below, ok := strings.CutPrefix(name, scope+"/")
		if scope == "" {
			below, ok = name, true
		}
		if !ok || a.isPart(vars[name]) {
			continue
		}
		found = true
		if err := a.assign(named, prefix+below, vars[name]); err != nil {
			return fmt.Errorf("%w (%s in %s)", err, below, key)
		}
	}
	if !found {
		return fmt.Errorf("%w: the graph has no variable %s and none below it", ErrArgument, target)
	}
	return nil
}

// isPart reports whether a variable is one of several, which are assigned
// together.
func (a *assigner) isPart(v any) bool {
	one, ok := v.(*tf.Variable)
	return ok && one.SaveSliceInfo() != nil
}
