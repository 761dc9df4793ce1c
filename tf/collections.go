package tf

import (
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/tfkeep/tfkeep/graphdef"
)

// Item is an entry of a collection.
type Item struct {
	value any
	raw   []byte // the bytes from which a message was imported, or nil
}

// NewItem returns an Item with a value: an *Operation, an Output, a *Variable, a string
// or []byte, a number, a bool, or a protobuf message; in the collection Savers also a
// *saver.Saver. A value of another type, nil, and an Output without an operation can be in a
// collection, but are not exported. If value is an Item, NewItem returns it.
func NewItem(value any) Item {
	switch v := value.(type) {
	case Item:
		return v
	case *Operation:
		if v == nil {
			return Item{}
		}
	case Output:
		if v.Op == nil {
			return Item{}
		}
	case *Variable:
		if v == nil {
			return Item{}
		}
	}
	return Item{value: value}
}

// Value returns the value as it was added.
func (i Item) Value() any { return i.value }

// Op returns the operation of an *Operation, an Output or a *Variable; for other items,
// nil.
func (i Item) Op() *Operation {
	switch v := i.value.(type) {
	case *Operation:
		return v
	case Output:
		return v.Op
	case *Variable:
		return v.Handle().Op
	}
	return nil
}

// Output returns an Output, the first output of an *Operation, or the value of a
// *Variable. For other items the Op of the result is nil.
func (i Item) Output() Output {
	switch v := i.value.(type) {
	case Output:
		return v
	case *Operation:
		return v.Output(0)
	case *Variable:
		return v.Value()
	}
	return Output{}
}

// Variable returns a *Variable; for other items, nil.
func (i Item) Variable() *Variable {
	v, _ := i.value.(*Variable)
	return v
}

// text returns the bytes of a string or []byte.
func (i Item) text() ([]byte, bool) {
	switch v := i.value.(type) {
	case string:
		return []byte(v), true
	case []byte:
		return v, true
	}
	return nil, false
}

// integer returns the value of an integer; for a bool, 1 or 0.
func (i Item) integer() (int64, bool) {
	switch v := reflect.ValueOf(i.value); {
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return int64(v.Uint()), true
	case v.Kind() == reflect.Bool && v.Bool():
		return 1, true
	case v.Kind() == reflect.Bool:
		return 0, true
	}
	return 0, false
}

// float returns the value of a floating point number.
func (i Item) float() (float64, bool) {
	if v := reflect.ValueOf(i.value); v.CanFloat() {
		return v.Float(), true
	}
	return 0, false
}

// any returns an *anypb.Any.
func (i Item) any() (*anypb.Any, bool) {
	a, ok := i.value.(*anypb.Any)
	return a, ok
}

// saver is a Saver, such as one of package saver, in the collection Savers. Its SaverDef is
// nil if it saves nothing.
type saver interface{ SaverDef() *graphdef.SaverDef }

// message returns the protobuf message of an item, for a variable its VariableDef, and for a
// Saver its SaverDef.
func (i Item) message() proto.Message {
	switch v := i.value.(type) {
	case *Variable:
		return v.Def()
	case saver:
		if def := v.SaverDef(); def != nil {
			return def
		}
		return nil
	}
	m, _ := i.value.(proto.Message)
	return m
}

// name returns the name by which CollectionInScope selects items: Python's item.name.
func (i Item) name() (string, bool) {
	switch v := i.value.(type) {
	case *Operation:
		return v.Name(), true
	case Output:
		if v.Op == nil {
			return "", false
		}
		return v.Op.Name(), true
	case *Variable:
		return v.Name(), true
	}
	return "", false
}

// collections keeps its keys in the order in which they were first used, as Python does.
type collections struct {
	keys  []string
	items map[string][]Item
}

func (c *collections) set(key string, items []Item) {
	if c.items == nil {
		c.items = make(map[string][]Item)
	}
	if _, ok := c.items[key]; !ok {
		c.keys = append(c.keys, key)
	}
	c.items[key] = items
}

// AddToCollection adds an item to a collection. See NewItem for the types of items.
func (g *Graph) AddToCollection(key string, item any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.collections.set(key, append(g.collections.items[key], NewItem(item)))
}

// Collection returns a copy of a collection. If there is no such collection it is empty.
func (g *Graph) Collection(key string) []Item {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.collections.items[key])
}

// CollectionInScope returns the items of a collection that have a name which begins with
// scope, such as "hidden/". As in TensorFlow's get_collection, "hidden" without a slash
// selects "hidden2/w" too, and an empty scope selects all items.
func (g *Graph) CollectionInScope(key, scope string) []Item {
	items := g.Collection(key)
	if scope == "" {
		return items
	}
	return slices.DeleteFunc(items, func(i Item) bool {
		name, ok := i.name()
		return !ok || !strings.HasPrefix(name, scope)
	})
}

// CollectionKeys returns the keys of all collections, in the order in which they were
// first used.
func (g *Graph) CollectionKeys() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.collections.keys)
}

// SetCollection replaces a collection. Without items it removes the collection.
func (g *Graph) SetCollection(key string, items []Item) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(items) > 0 {
		g.collections.set(key, slices.Clone(items))
		return
	}
	delete(g.collections.items, key)
	g.collections.keys = slices.DeleteFunc(g.collections.keys, func(k string) bool { return k == key })
}

// variables returns the variables of a collection, without its other items.
func (g *Graph) variables(key string) []*Variable {
	g.mu.Lock()
	defer g.mu.Unlock()
	var vars []*Variable
	for _, i := range g.collections.items[key] {
		if v := i.Variable(); v != nil {
			vars = append(vars, v)
		}
	}
	return vars
}

// GlobalVariables returns the variables that are saved by default, in the order in which
// they were added.
func (g *Graph) GlobalVariables() []*Variable { return g.variables(GlobalVariables) }

// TrainableVariables returns the variables that an optimizer updates by default.
func (g *Graph) TrainableVariables() []*Variable { return g.variables(TrainableVariables) }

// LocalVariables returns the variables of this process, which are not saved.
func (g *Graph) LocalVariables() []*Variable { return g.variables(LocalVariables) }

// VariablesInScope returns the global variables in a name scope, in the order in which
// they were added. The scope "gen", or "gen/", has "gen/w", but not "generator/w". The
// empty scope has all.
//
// They include moving averages and the slots of optimizers. To train a part of a model, use
// TrainableVariablesInScope.
func (g *Graph) VariablesInScope(scope string) []*Variable {
	return variablesInScope(g.GlobalVariables(), scope)
}

// TrainableVariablesInScope returns the trainable variables in a name scope, as
// VariablesInScope does, for train.MinimizeOptions: Python's
// tf.get_collection("trainable_variables", "gen/").
func (g *Graph) TrainableVariablesInScope(scope string) []*Variable {
	return variablesInScope(g.TrainableVariables(), scope)
}

func variablesInScope(vars []*Variable, scope string) []*Variable {
	if scope != "" && !strings.HasSuffix(scope, "/") {
		scope += "/"
	}
	return slices.DeleteFunc(vars, func(v *Variable) bool { return !strings.HasPrefix(v.Name(), scope) })
}
