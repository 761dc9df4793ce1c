package tf

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
)

// encodeCollection writes a collection as a meta graph holds it. The first item
// decides its kind, as in TensorFlow. It gives nil where no item is left to
// write, and an error, on which TensorFlow drops the collection, where an item
// does not fit the kind.
//
// scope is the export scope, which is taken off the names; exclude has the
// names of nodes that are not exported.
func encodeCollection(key string, items []Item, scope string, exclude map[string]bool) (*graphdef.CollectionDef, error) {
	var kept []Item
	for _, item := range items {
		if name, ok := exportName(item); !ok || !exclude[name] && (hasScope(name, scope) || strings.HasPrefix(name, unboundInputPrefix)) {
			kept = append(kept, item)
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	if newCollectionMessage(key) != nil {
		return encodeMessages(key, kept, scope)
	}
	switch kept[0].Kind() {
	case BytesItem:
		return encodeBytes(kept)
	case IntItem:
		return encodeInts(kept)
	case FloatItem:
		return encodeFloats(kept)
	case AnyItem:
		return encodeAnys(kept)
	}
	return encodeNodes(kept, scope)
}

// exportName is the name that Python's export goes by: that of a node, a tensor,
// a variable, a queue runner or a control flow context, and a string itself.
func exportName(i Item) (string, bool) {
	switch v := i.Value().(type) {
	case *Operation:
		return v.Name(), true
	case Output:
		if v.Op == nil {
			return "", false
		}
		return tensorName(v), true
	case *Variable:
		return v.TensorName(), true
	case string:
		return v, true
	case *graphdef.SaverDef:
		return "", false
	case proto.Message:
		name := messageName(v)
		return name, name != ""
	}
	return "", false
}

func encodeMessages(key string, items []Item, scope string) (*graphdef.CollectionDef, error) {
	list := &for_core_protos_go_proto.CollectionDef_BytesList{}
	want := newCollectionMessage(key).ProtoReflect().Descriptor().FullName()
	for _, item := range items {
		m := item.Message()
		if v := item.Variable(); v != nil {
			m = v.Def()
		}
		if m == nil || m.ProtoReflect().Descriptor().FullName() != want {
			return nil, fmt.Errorf("an item is no %s but a %T", want.Name(), item.Value())
		}
		if !hasScope(messageName(m), scope) {
			continue
		}
		data, err := messageBytes(item, m, scope)
		if err != nil {
			return nil, err
		}
		list.Value = append(list.Value, data)
	}
	if len(list.Value) == 0 {
		return &graphdef.CollectionDef{}, nil
	}
	return &graphdef.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_BytesList_{BytesList: list}}, nil
}

// messageBytes serializes an item. One that was imported, and not touched
// since, keeps the very bytes it came with.
func messageBytes(item Item, m proto.Message, scope string) ([]byte, error) {
	if scope != "" {
		return graphdef.MarshalBinary(outOfScope(m, scope))
	}
	if item.raw != nil {
		was := m.ProtoReflect().New().Interface()
		if proto.Unmarshal(item.raw, was) == nil && proto.Equal(was, m) {
			return bytes.Clone(item.raw), nil
		}
	}
	return graphdef.MarshalBinary(m)
}

func encodeNodes(items []Item, scope string) (*graphdef.CollectionDef, error) {
	list := &for_core_protos_go_proto.CollectionDef_NodeList{}
	for _, item := range items {
		name, ok := exportName(item)
		if !ok || item.Kind() == BytesItem {
			return nil, mixed(items[0], item)
		}
		if hasScope(name, scope) {
			list.Value = append(list.Value, graphdef.StripNameScope(name, scope))
		}
	}
	return &graphdef.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_NodeList_{NodeList: list}}, nil
}

func encodeBytes(items []Item) (*graphdef.CollectionDef, error) {
	list := &for_core_protos_go_proto.CollectionDef_BytesList{}
	for _, item := range items {
		if item.Kind() != BytesItem {
			return nil, mixed(items[0], item)
		}
		list.Value = append(list.Value, item.Bytes())
	}
	return &graphdef.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_BytesList_{BytesList: list}}, nil
}

func encodeInts(items []Item) (*graphdef.CollectionDef, error) {
	list := &for_core_protos_go_proto.CollectionDef_Int64List{}
	for _, item := range items {
		if item.Kind() != IntItem {
			return nil, mixed(items[0], item)
		}
		list.Value = append(list.Value, item.Int())
	}
	return &graphdef.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_Int64List_{Int64List: list}}, nil
}

func encodeFloats(items []Item) (*graphdef.CollectionDef, error) {
	list := &for_core_protos_go_proto.CollectionDef_FloatList{}
	for _, item := range items {
		switch item.Kind() {
		case FloatItem:
			list.Value = append(list.Value, float32(item.Float()))
		case IntItem:
			list.Value = append(list.Value, float32(item.Int()))
		default:
			return nil, mixed(items[0], item)
		}
	}
	return &graphdef.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_FloatList_{FloatList: list}}, nil
}

func encodeAnys(items []Item) (*graphdef.CollectionDef, error) {
	list := &for_core_protos_go_proto.CollectionDef_AnyList{}
	for _, item := range items {
		a, ok := item.Value().(*anypb.Any)
		if !ok {
			return nil, mixed(items[0], item)
		}
		list.Value = append(list.Value, a)
	}
	return &graphdef.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_AnyList_{AnyList: list}}, nil
}

func mixed(first, other Item) error {
	return fmt.Errorf("its first item is a %T, and another a %T, which a meta graph cannot hold in one collection", first.Value(), other.Value())
}

// collectionDecoder turns the collections of a meta graph into items of g,
// whose nodes were imported under scope.
type collectionDecoder struct {
	g     *Graph
	scope string
	// noTrainable is set for files older than VariableDef.trainable, where the
	// collection says it.
	noTrainable bool
	// variables by their VariableDef's bytes: equal ones, in whatever
	// collections, are one variable.
	variables map[string]*Variable
}

func (d *collectionDecoder) decode(key string, def *graphdef.CollectionDef) ([]Item, error) {
	var items []Item
	switch def.GetKind().(type) {
	case *for_core_protos_go_proto.CollectionDef_NodeList_:
		var missing []string
		for _, name := range def.GetNodeList().GetValue() {
			item, ok := d.node(graphdef.PrependNameScope(name, d.scope))
			if !ok {
				missing = append(missing, name)
			}
			items = append(items, item)
		}
		if len(missing) > 0 {
			return nil, fmt.Errorf("these items are not in the graph: %s", strings.Join(missing, ", "))
		}
	case *for_core_protos_go_proto.CollectionDef_BytesList_:
		for _, data := range def.GetBytesList().GetValue() {
			item, err := d.bytes(key, data)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
	case *for_core_protos_go_proto.CollectionDef_Int64List_:
		for _, v := range def.GetInt64List().GetValue() {
			items = append(items, NewItem(v))
		}
	case *for_core_protos_go_proto.CollectionDef_FloatList_:
		for _, v := range def.GetFloatList().GetValue() {
			items = append(items, NewItem(v))
		}
	case *for_core_protos_go_proto.CollectionDef_AnyList_:
		for _, v := range def.GetAnyList().GetValue() {
			items = append(items, NewItem(v))
		}
	}
	return items, nil
}

// node finds an operation, or a tensor where the name has an index.
func (d *collectionDecoder) node(name string) (Item, bool) {
	if strings.Contains(name, ":") {
		out, err := d.g.OutputByName(name)
		return NewItem(out), err == nil
	}
	op := d.g.Operation(name)
	return NewItem(op), op != nil
}

func (d *collectionDecoder) bytes(key string, data []byte) (Item, error) {
	m := newCollectionMessage(key)
	if m == nil {
		if d.scope == "" {
			return NewItem(bytes.Clone(data)), nil
		}
		// TensorFlow takes a string for a name and puts it into the scope too.
		return NewItem(graphdef.PrependNameScope(string(data), d.scope)), nil
	}
	if v := d.variables[string(data)]; v != nil && graphdef.IsVariableCollection(key) {
		return NewItem(v), nil
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return Item{}, fmt.Errorf("an item is no %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	if def, ok := m.(*graphdef.VariableDef); ok {
		if d.noTrainable {
			def.Trainable = key == TrainableVariables
		}
		v, err := VariableFromDef(d.g, def, d.scope)
		if err != nil {
			return Item{}, err
		}
		d.variables[string(data)] = v
		return NewItem(v), nil
	}
	if d.scope == "" {
		item := NewItem(m)
		item.raw = bytes.Clone(data)
		return item, nil
	}
	m = inScope(m, d.scope)
	if loop, ok := m.(*for_core_protos_go_proto.WhileContextDef); ok {
		if err := d.renameFrame(loop); err != nil {
			return Item{}, err
		}
	}
	return NewItem(m), nil
}

// renameFrame gives the nodes by which values enter a while loop the frame name
// that it has in its new scope. The executor tells loops apart by it: two copies
// of a loop with one name would run into each other.
func (d *collectionDecoder) renameFrame(loop *for_core_protos_go_proto.WhileContextDef) error {
	for _, name := range loop.GetValuesDef().GetValues() {
		out, err := d.g.OutputByName(name)
		if err != nil {
			return err
		}
		if op := out.Op.Type(); op != "Enter" && op != "RefEnter" {
			continue
		}
		frame := &graphdef.AttrValue{}
		setBytes(frame, loop.GetContextName())
		if err := capi.SetAttr(out.Op, "frame_name", frame); err != nil {
			return err
		}
	}
	return nil
}
