package tf

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// ItemKind says what an item of a collection is.
type ItemKind int

// The kinds of items. A CollectionDef holds nodes, bytes, integers, floats and
// anys; variables and other messages are written as bytes.
const (
	OtherItem    ItemKind = iota // anything else: it lives in the graph, and in no file
	NodeItem                     // *Operation or Output
	VariableItem                 // *Variable
	BytesItem                    // string or []byte
	IntItem                      // any integer, or bool
	FloatItem                    // float32 or float64
	MessageItem                  // proto.Message
	AnyItem                      // *anypb.Any
)

// Item is one entry of a collection.
type Item struct {
	kind  ItemKind
	value any
	raw   []byte // the bytes that a message was imported from, or nil
}

// NewItem makes an item of a value; ItemKind lists the types. Of a nil operation
// or variable, and of an empty Output, it makes an item without a value.
func NewItem(value any) Item {
	switch v := value.(type) {
	case Item:
		return v
	case *Operation:
		if v != nil {
			return Item{kind: NodeItem, value: v}
		}
		return Item{kind: OtherItem}
	case Output:
		if v.Op != nil {
			return Item{kind: NodeItem, value: v}
		}
		return Item{kind: OtherItem}
	case *Variable:
		if v != nil {
			return Item{kind: VariableItem, value: v}
		}
		return Item{kind: OtherItem}
	case string, []byte:
		return Item{kind: BytesItem, value: v}
	case int, int8, int16, int32, int64, uint8, uint16, uint32, uint64, uint, bool:
		return Item{kind: IntItem, value: v}
	case float32, float64:
		return Item{kind: FloatItem, value: v}
	case *anypb.Any:
		return Item{kind: AnyItem, value: v}
	case proto.Message:
		return Item{kind: MessageItem, value: v}
	}
	return Item{kind: OtherItem, value: value}
}

// Kind says what the item is.
func (i Item) Kind() ItemKind { return i.kind }

// Value is the item as it was added.
func (i Item) Value() any { return i.value }

// Op is the operation of a node or a variable, nil for other items.
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

// Output is the tensor of a node or a variable; for an operation its first
// output. Op is nil for other items.
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

// Variable is the item as a variable, or nil.
func (i Item) Variable() *Variable {
	v, _ := i.value.(*Variable)
	return v
}

// Bytes is the text of a BytesItem, or nil.
func (i Item) Bytes() []byte {
	switch v := i.value.(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	}
	return nil
}

// Int is the number of an IntItem, 1 for true; 0 for other items.
func (i Item) Int() int64 {
	switch v := i.value.(type) {
	case int:
		return int64(v)
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case int64:
		return v
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		return int64(v)
	case uint:
		return int64(v)
	case bool:
		if v {
			return 1
		}
	}
	return 0
}

// Float is the number of a FloatItem; 0 for other items.
func (i Item) Float() float64 {
	switch v := i.value.(type) {
	case float32:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// Message is the message of a MessageItem or an AnyItem, or nil.
func (i Item) Message() proto.Message {
	m, _ := i.value.(proto.Message)
	return m
}

// name is what a scope filter looks at: Python's item.name.
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

// collections keeps its keys in the order in which they came, as Python does.
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

// AddToCollection adds an item to the collection called key: an *Operation, an
// Output, a *Variable, a string or []byte, a number, a bool, a protobuf
// message. An item of another type stays in the graph and is not exported.
func (g *Graph) AddToCollection(key string, item any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.collections.set(key, append(g.collections.items[key], NewItem(item)))
}

// Collection is a copy of the collection called key, empty if there is none.
func (g *Graph) Collection(key string) []Item {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.collections.items[key])
}

// CollectionInScope is Collection with only the items that have a name below
// scope, such as "hidden/". An empty scope filters nothing.
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

// CollectionKeys are the keys of all collections, in the order in which they
// were first used.
func (g *Graph) CollectionKeys() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.collections.keys)
}

// ClearCollection removes the collection called key.
func (g *Graph) ClearCollection(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.collections.items, key)
	g.collections.keys = slices.DeleteFunc(g.collections.keys, func(k string) bool { return k == key })
}

// SetCollection replaces the collection called key.
func (g *Graph) SetCollection(key string, items []Item) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.collections.set(key, slices.Clone(items))
}

// variables are the variables of a collection; other items are passed over.
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

// GlobalVariables are the variables that are saved by default.
func (g *Graph) GlobalVariables() []*Variable { return g.variables(GlobalVariables) }

// TrainableVariables are the variables that an optimizer updates by default.
func (g *Graph) TrainableVariables() []*Variable { return g.variables(TrainableVariables) }

// LocalVariables are the variables of this process, which are not saved.
func (g *Graph) LocalVariables() []*Variable { return g.variables(LocalVariables) }
