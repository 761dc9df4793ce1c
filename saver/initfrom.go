package saver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/tf"
)

// InitFromCheckpoint sets variables to values from a checkpoint of another model, by an
// assignment map in the manner of tf.compat.v1.train.init_from_checkpoint:
//
//	"old/w": "new/w"     one variable, or all parts of a partitioned one
//	"old/":  "new/"      every variable below new/, from the same name below old/
//	"/":     "new/"      every variable below new/, from the same name
//	"old/":  "/"         every variable, from the same name below old/
//
// Where TensorFlow changes the variables' initializers, this assigns at once, in
// sess: run the initializers of other variables before or after it. If path is a
// directory, its newest checkpoint is used. In an object-based checkpoint, names mean
// variables as in [Saver.Restore]: keys, full names ("sequential/dense/kernel"), paths of
// objects, and these without what is before or after them in all names. InitFromCheckpoint checks everything before
// it assigns anything. It adds nodes to the graph. This process reads the file, on a
// cluster too.
//
// For variables that are not in the graph's collections, make a Saver with
// Options.VarMap.
func InitFromCheckpoint(ctx context.Context, sess *tf.Session, path string, assignments map[string]string) error {
	return wrap("initialize from", path, initFrom(ctx, sess, path, assignments))
}

func initFrom(ctx context.Context, sess *tf.Session, path string, assignments map[string]string) (err error) {
	if sess == nil {
		return fault(tfkeep.ErrArgument, "the session is nil")
	}
	if err := argcheck.Context(ctx, "initialize", ""); err != nil {
		return err
	}
	if err := sess.Graph().Err(); err != nil {
		return err
	}
	if len(assignments) == 0 {
		return fault(tfkeep.ErrArgument, "the assignment map is empty")
	}
	r, err := dir.Open(ctx, localPath(path), nil)
	if err != nil {
		return err
	}
	defer closeInto(&err, r.Close)
	a := &assigner{g: sess.Graph(), r: r, named: map[string]*source{}}
	if err := a.resolve(assignments); err != nil {
		return err
	}
	named, err := a.byKey(ctx)
	if err != nil {
		return err
	}
	s, err := New(sess.Graph(), &Options{VarMap: named, Name: "init_from_checkpoint", Driver: Files})
	if err != nil {
		return err
	}
	defer closeInto(&err, s.Close)
	_, err = s.Restore(ctx, sess, r.Prefix(), nil)
	return err
}

// assigner turns an assignment map into one from keys to variables.
type assigner struct {
	g     *tf.Graph
	r     *checkpoint.Reader
	named map[string]*source // by the names in the checkpoint
}

func (a *assigner) resolve(assignments map[string]string) error {
	vars := a.variables()
	for _, key := range slices.Sorted(maps.Keys(assignments)) {
		target := assignments[key]
		var err error
		if v, ok := vars[target]; ok {
			err = a.assign(key, v)
		} else {
			err = a.assignScope(vars, key, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// byKey returns the variables by the keys that their names mean.
func (a *assigner) byKey(ctx context.Context) (map[string]Saveable, error) {
	keys, err := a.keys(ctx)
	if err != nil {
		return nil, err
	}
	variables := map[string]Saveable{}
	for _, name := range slices.Sorted(maps.Keys(a.named)) {
		key, to := keys[name], a.named[name]
		have, ok := a.r.Lookup(key)
		if !ok {
			return nil, &tfkeep.Error{Item: "tensor", Name: name, Err: tfkeep.ErrNotFound, Detail: a.hint(name)}
		}
		if v := to.variable; v != nil {
			if dims, err := v.Shape().ToSlice(); err == nil && !fits(dims, have.Shape) {
				return nil, fault(tfkeep.ErrMismatch, "the shape %s of variable %s is not the shape %s of tensor %s",
					shapeText(dims), v.TensorName(), shapeText(have.Shape), key)
			}
		}
		if _, taken := variables[key]; taken {
			return nil, twice(key)
		}
		variables[key] = to
	}
	return variables, nil
}

func twice(key string) error {
	return fault(tfkeep.ErrArgument, "tensor %s is assigned to two variables; call InitFromCheckpoint once for each", key)
}

// keys returns the keys that names mean: themselves, or those that the object graph has for
// them.
func (a *assigner) keys(ctx context.Context) (map[string]string, error) {
	keys := map[string]string{}
	var rest []string
	for name := range a.named {
		keys[name] = name
		if _, ok := a.r.Lookup(name); !ok {
			rest = append(rest, name)
		}
	}
	if _, ok := a.r.Lookup(objectgraph.Key); !ok || len(rest) == 0 {
		return keys, nil
	}
	objects, err := objectgraph.Read(ctx, a.r)
	if err != nil {
		return nil, fmt.Errorf("read its object graph: %w", err)
	}
	slices.Sort(rest)
	found, ambiguous := objects.KeysOf(rest)
	if len(ambiguous) > 0 {
		return nil, fault(tfkeep.ErrMismatch, "in the checkpoint, several variables could be meant by %s; name them by the paths that \"tfkeep objects\" shows", strings.Join(ambiguous, ", "))
	}
	maps.Copy(keys, found)
	return keys, nil
}

// variables returns the graph's variables by name, and the parts of a partitioned one
// together under its name.
func (a *assigner) variables() map[string]*source {
	vars := map[string]*source{}
	for _, v := range a.g.GlobalVariables() {
		if vars[v.Name()] == nil {
			vars[v.Name()] = &source{}
		}
		vars[v.Name()].variable = v
		if info := v.SaveSliceInfo(); info != nil {
			whole := vars[info.FullName]
			if whole == nil {
				whole = &source{}
				vars[info.FullName] = whole
			}
			whole.partitioned = true
			whole.parts = append(whole.parts, v)
		}
	}
	return vars
}

// assign adds the assignment of one variable.
func (a *assigner) assign(key string, to *source) error {
	if to.variable != nil && to.partitioned {
		return fault(tfkeep.ErrArgument, "%s is the name of a variable and of a partitioned variable; make a Saver with Options.VarMap for the one that is meant", to.variable.Name())
	}
	if _, taken := a.named[key]; taken {
		return twice(key)
	}
	a.named[key] = to
	return nil
}

// hint names the tensor that a misspelled key most likely means.
func (a *assigner) hint(key string) string {
	var keys []string
	for t := range a.r.Tensors() {
		keys = append(keys, t.Name)
	}
	if n := nearestKey(key, keys); n != "" {
		return fmt.Sprintf("did you mean %s?", n)
	}
	return ""
}

// assignScope adds the assignments of all variables below a scope.
func (a *assigner) assignScope(vars map[string]*source, key, target string) error {
	scope := ""
	if i := strings.LastIndexByte(target, '/'); i >= 0 {
		scope = target[:i]
	}
	if !strings.HasSuffix(key, "/") {
		return fault(tfkeep.ErrArgument, "%q is the name of a scope, and %q is not; map \"scope/\" to \"other_scope/\"", target, key)
	}
	prefix := ""
	if key != "/" {
		prefix = key
	}
	found := false
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		below, ok := strings.CutPrefix(name, scope+"/")
		if scope == "" {
			below, ok = name, true
		}
		v := vars[name]
		if !ok || v.variable != nil && v.variable.SaveSliceInfo() != nil {
			continue // parts are assigned together
		}
		found = true
		if err := a.assign(prefix+below, v); err != nil {
			return err
		}
	}
	if !found {
		return fault(tfkeep.ErrArgument, "the graph has no variable %s and none below it", target)
	}
	return nil
}
