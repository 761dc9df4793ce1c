package convert

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/namelist"
	"github.com/tfkeep/tfkeep/internal/nearest"
)

// renaming finds the new names.
type renaming struct {
	in      string
	names   *Names
	src     source
	objects *objectgraph.Graph  // of the source, nil if it has names
	finder  *objectgraph.Finder // of objects
	like    *likeness           // nil without Names.Like
	kind    NameKind
	olds    map[string]string // new name → old name
	graph   *objectgraph.Graph
	missing []string
}

// rename replaces the source by one with the names of Options.Names.
func (c *conversion) rename(ctx context.Context) error {
	r := &renaming{in: c.in, names: c.opts.Names, src: c.src, olds: map[string]string{}}
	if err := r.open(ctx); err != nil {
		return err
	}
	find := r.toNames
	if r.kind == ByObject {
		find = r.toObjects
	}
	if err := find(); err != nil {
		return err
	}
	slices.Sort(r.missing)
	if len(r.missing) > 0 && !r.names.Partial {
		return r.missingError()
	}
	if len(r.olds) == 0 {
		return r.fail(tfkeep.ErrMismatch, "it has no tensor of a name that the destination should have")
	}
	out, err := r.apply()
	if err != nil {
		return err
	}
	used := map[string]bool{objectgraph.Key: true}
	if r.objects != nil {
		used[r.objects.SaveCounterKey()] = true
	}
	for _, old := range r.olds {
		used[old] = true
	}
	for t := range c.src.Tensors() {
		if !used[t.Name] {
			c.res.LeftOut = append(c.res.LeftOut, t.Name)
		}
	}
	c.src, c.res.Missing = out, r.missing
	return nil
}

func (r *renaming) fail(kind error, format string, args ...any) error {
	return &tfkeep.Error{Op: "convert", Path: r.in, Err: kind, Detail: fmt.Sprintf(format, args...)}
}

// open reads what the source and the model are.
func (r *renaming) open(ctx context.Context) (err error) {
	if _, ok := r.src.Lookup(objectgraph.Key); ok {
		if r.objects, err = objectgraph.Read(ctx, r.src); err != nil {
			return err
		}
		r.finder = r.objects.Finder()
	}
	if r.names.Like != "" {
		if r.like, err = readLikeness(ctx, r.names.Like); err != nil {
			return err
		}
	}
	switch {
	case r.names.Kind != "" && !slices.Contains(NameKinds(), r.names.Kind):
		return r.fail(tfkeep.ErrArgument, "there are no names of the kind %q; the kinds are %v", r.names.Kind, NameKinds())
	case r.like != nil && r.like.objects != nil && r.names.Kind != ByName:
		r.kind = ByObject
	case r.like != nil && r.like.objects == nil && r.names.Kind == ByObject:
		return r.fail(tfkeep.ErrArgument, "the destination should have objects, and %s has none; name a checkpoint or a SavedModel of TensorFlow 2", r.names.Like)
	case r.like != nil:
		r.kind = ByName
	case r.names.Kind != "":
		r.kind = r.names.Kind
	case r.objects != nil:
		r.kind = ByName
	default:
		r.kind = ByObject
	}
	if r.like != nil && r.like.objects != nil && r.kind == ByName { // the full names of its variables
		keys, ambiguous := r.like.objects.KeysByName()
		if len(ambiguous) > 0 {
			return r.fail(tfkeep.ErrMismatch, "%s has several variables of the names %s", r.names.Like, list(ambiguous))
		}
		wants := map[string]want{}
		for name, key := range keys {
			if name != objectgraph.SaveCounter {
				wants[name] = r.like.wants[key]
			}
		}
		r.like = &likeness{names: slices.Sorted(maps.Keys(wants)), wants: wants}
	}
	return nil
}

// find returns the key of a tensor of the source by its key, full name or path.
func (r *renaming) find(name string) (string, error) {
	if _, ok := r.src.Lookup(name); ok {
		return name, nil
	}
	if r.objects != nil {
		keys, ambiguous := r.finder.Keys([]string{name})
		if len(ambiguous) > 0 {
			return "", r.fail(tfkeep.ErrMismatch, "the name %s could mean several variables; name one by its path, which \"tfkeep objects\" shows", name)
		}
		if key, ok := keys[name]; ok {
			return key, nil
		}
	}
	return "", &tfkeep.Error{Op: "convert", Path: r.in, Item: "tensor", Name: name, Err: tfkeep.ErrNotFound, Detail: "the map names it" + r.nearest(name)}
}

// nearest says what a name most likely should be.
func (r *renaming) nearest(name string) string {
	var all []string
	for t := range r.src.Tensors() {
		all = append(all, t.Name)
	}
	if r.objects != nil {
		byName, _ := r.objects.KeysByName()
		all = slices.AppendSeq(all, maps.Keys(byName))
	}
	if near := nearest.Names(name, all, 1); len(near) > 0 {
		return "; did you mean " + near[0] + "?"
	}
	return ""
}

// give gives a tensor its new name, and refuses one that the model could not take.
func (r *renaming) give(name, old string) error {
	if before, ok := r.olds[name]; ok && before != old {
		return r.fail(tfkeep.ErrMismatch, "%s and %s would both be named %s", min(before, old), max(before, old), name)
	}
	r.olds[name] = old
	if r.like == nil {
		return nil
	}
	have, _ := r.src.Lookup(old)
	w, ok := r.like.wants[name]
	if fault := w.fault(&have); ok && fault != "" {
		return &tfkeep.Error{Op: "convert", Path: r.in, Item: "tensor", Name: old, Err: tfkeep.ErrMismatch,
			Detail: fmt.Sprintf("it would be named %s, but %s", name, fault)}
	}
	return nil
}

// giveMapped calls give for each entry of the map, and returns which tensors of the source it
// names.
func (r *renaming) giveMapped(give func(to, old string) error) (taken map[string]bool, err error) {
	taken = map[string]bool{}
	for _, from := range slices.Sorted(maps.Keys(r.names.Map)) {
		old, err := r.find(from)
		if err != nil {
			return nil, err
		}
		if err := give(r.names.Map[from], old); err != nil {
			return nil, err
		}
		taken[old] = true
	}
	return taken, nil
}

// toNames finds the names of a destination that has names.
func (r *renaming) toNames() error {
	taken, err := r.giveMapped(func(to, old string) error {
		if r.like != nil {
			if _, ok := r.like.wants[to]; !ok {
				return r.fail(tfkeep.ErrNotFound, "the map names %s, which %s does not have", to, r.names.Like)
			}
		}
		return r.give(to, old)
	})
	if err != nil {
		return err
	}
	if r.like != nil {
		return r.giveLike()
	}
	return r.giveFull(taken)
}

// giveLike finds the tensors for the names of the model that the map does not have.
func (r *renaming) giveLike() error {
	var rest []string
	for _, name := range r.like.names {
		if _, ok := r.olds[name]; ok {
			continue
		}
		if _, ok := r.src.Lookup(name); ok {
			if err := r.give(name, name); err != nil {
				return err
			}
			continue
		}
		rest = append(rest, name)
	}
	keys := map[string]string{}
	if r.objects != nil {
		var ambiguous []string
		if keys, ambiguous = r.finder.Keys(rest); len(ambiguous) > 0 {
			return r.fail(tfkeep.ErrMismatch, "these names could mean several variables: %s; say in a map which ones they are", list(ambiguous))
		}
	}
	for _, name := range rest {
		key, ok := keys[name]
		if !ok {
			r.missing = append(r.missing, name)
			continue
		}
		if err := r.give(name, key); err != nil {
			return err
		}
	}
	return nil
}

// giveFull gives each variable its full name, and other tensors their keys.
func (r *renaming) giveFull(taken map[string]bool) error {
	if r.objects == nil {
		for t := range r.src.Tensors() {
			if !taken[t.Name] {
				if err := r.give(t.Name, t.Name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	byKey := map[string]string{}
	for _, o := range r.objects.Objects {
		for _, v := range o.Values {
			if v.Full != "" {
				byKey[v.Key] = v.Full
			}
		}
	}
	owners := map[string][]string{} // new name → keys
	counter := r.objects.SaveCounterKey()
	for t := range r.src.Tensors() {
		if t.Name == objectgraph.Key || t.Name == counter || taken[t.Name] {
			continue
		}
		name := t.Name
		if full, ok := byKey[t.Name]; ok {
			name = full
		}
		owners[name] = append(owners[name], t.Name)
	}
	var ambiguous []string
	for _, name := range slices.Sorted(maps.Keys(owners)) {
		if len(owners[name]) > 1 {
			ambiguous = append(ambiguous, fmt.Sprintf("%s (%s)", name, strings.Join(owners[name][:2], ", ")))
			continue
		}
		if err := r.give(name, owners[name][0]); err != nil {
			return err
		}
	}
	if len(ambiguous) > 0 {
		return r.fail(tfkeep.ErrMismatch, "several variables have the names %s; give them others in a map", list(ambiguous))
	}
	return nil
}

// toObjects finds the keys of a destination that has objects.
func (r *renaming) toObjects() error {
	if r.like == nil {
		return r.makeObjects()
	}
	r.graph = r.like.objects
	finder := r.graph.Finder()
	taken, err := r.giveMapped(func(to, old string) error {
		keys, _ := finder.Keys([]string{to})
		key, ok := keys[to]
		if !ok {
			return r.fail(tfkeep.ErrNotFound, "the map names the object %s, which %s does not have, or has several times; \"tfkeep objects\" shows the paths", to, r.names.Like)
		}
		return r.give(key, old)
	})
	if err != nil {
		return err
	}
	pairs, err := r.pairs(taken) // key of the model → tensor of the source
	if err != nil {
		return err
	}
	counter := r.graph.SaveCounterKey()
	for _, o := range r.graph.Objects {
		for _, v := range o.Values {
			if _, ok := r.olds[v.Key]; ok || v.Key == counter {
				continue
			}
			old, ok := pairs[v.Key]
			if !ok {
				r.missing = append(r.missing, v.Key)
				continue
			}
			if err := r.give(v.Key, old); err != nil {
				return err
			}
		}
	}
	r.missing = slices.Compact(slices.Sorted(slices.Values(r.missing)))
	return nil
}

// pairs finds the tensors of the source for the objects of the model.
func (r *renaming) pairs(taken map[string]bool) (map[string]string, error) {
	if r.objects != nil {
		m, err := r.graph.FindIn(r.objects, "")
		if err != nil {
			return nil, err
		}
		return m.Keys, nil
	}
	var names []string
	for t := range r.src.Tensors() {
		if !taken[t.Name] {
			names = append(names, t.Name)
		}
	}
	keys, ambiguous := r.graph.KeysOf(names)
	if len(ambiguous) > 0 {
		return nil, r.fail(tfkeep.ErrMismatch, "these names could mean several objects of %s: %s; say in a map which ones they are", r.names.Like, list(ambiguous))
	}
	pairs := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if before, ok := pairs[keys[name]]; ok {
			return nil, r.fail(tfkeep.ErrMismatch, "the names %s and %s could both mean %s of %s; say in a map which one it is", before, name, keys[name], r.names.Like)
		}
		pairs[keys[name]] = name
	}
	return pairs, nil
}

// makeObjects makes an object graph of the names: each is the path of an object.
func (r *renaming) makeObjects() error {
	if r.objects != nil {
		return r.fail(tfkeep.ErrArgument, "it has objects already; name a model whose objects the destination should have, or ask for names")
	}
	paths := map[string]string{} // path → full name
	give := func(path, old string) error {
		if before, ok := paths[path]; ok {
			return r.fail(tfkeep.ErrMismatch, "%s and %s would both be the object %s", before, old, path)
		}
		paths[path] = old
		return nil
	}
	taken, err := r.giveMapped(give)
	if err != nil {
		return err
	}
	for t := range r.src.Tensors() {
		if !taken[t.Name] {
			if err := give(t.Name, t.Name); err != nil {
				return err
			}
		}
	}
	if r.graph, err = objectgraph.New(paths); err != nil {
		return err
	}
	for _, o := range r.graph.Objects {
		for _, v := range o.Values {
			r.olds[v.Key] = v.Full
		}
	}
	return nil
}

// apply returns the source with the new names.
func (r *renaming) apply() (*renamed, error) {
	out := &renamed{source: r.src, places: map[string]int{}, olds: r.olds, extra: map[string]checkpoint.Tensor{}}
	for name, old := range r.olds {
		t, ok := r.src.Lookup(old)
		if !ok {
			return nil, &tfkeep.Error{Op: "convert", Path: r.in, Item: "tensor", Name: old, Err: tfkeep.ErrCorrupt, Detail: "the object graph names it, and it is not there"}
		}
		t.Name = name
		out.tensors = append(out.tensors, t)
	}
	if r.kind == ByObject {
		if err := r.addGraph(out); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out.tensors, func(a, b checkpoint.TensorInfo) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range out.tensors {
		out.places[t.Name] = i
	}
	return out, nil
}

// addGraph adds the object graph, and the number of saves, which is 0.
func (r *renaming) addGraph(out *renamed) error {
	graph := r.graph.WithSaveCounter()
	counter := graph.SaveCounterKey()
	graph = graph.Only(func(key string) bool { _, ok := r.olds[key]; return ok || key == counter })
	text, err := graph.Encode()
	if err != nil {
		return err
	}
	extra := []checkpoint.Tensor{{Name: objectgraph.Key, DType: dtype.String, Strings: [][]byte{text}}}
	if _, ok := r.olds[counter]; !ok {
		extra = append(extra, checkpoint.Tensor{Name: counter, DType: dtype.Int64, Data: binary.LittleEndian.AppendUint64(nil, 0)})
	}
	for _, t := range extra {
		if _, ok := r.olds[t.Name]; ok {
			return r.fail(tfkeep.ErrMismatch, "the name %s is taken", t.Name)
		}
		out.extra[t.Name] = t
		info := checkpoint.TensorInfo{Name: t.Name, DType: t.DType, Bytes: int64(len(t.Data))}
		for _, s := range t.Strings {
			info.Bytes += int64(len(s))
		}
		out.tensors = append(out.tensors, info)
	}
	return nil
}

// missingError names what the source lacks.
func (r *renaming) missingError() error {
	return r.fail(tfkeep.ErrNotFound, "it has nothing for %d names of %s: %s; give them in a map, or convert a part (Partial)",
		len(r.missing), r.names.Like, list(r.missing))
}

// list lists names for an error.
func list(names []string) string { return namelist.Some(names, 16) }
