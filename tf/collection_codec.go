package tf

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/internal/namescope"
)

// encodeCollection returns a collection as a meta graph holds it. As in TensorFlow the
// first item decides the kind. It returns nil if no item is left to write, and an error
// if an item does not fit the kind; TensorFlow then drops the collection.
//
// scope is the export scope, which is removed from the names. exclude has the names of
// nodes that are not exported.
func encodeCollection(key string, items []Item, scope string, exclude map[string]bool) (*for_core_protos_go_proto.CollectionDef, error) {
	var kept []Item
	for _, item := range items {
		if name, ok := exportName(item); !ok || !exclude[name] && (hasScope(name, scope) || strings.HasPrefix(name, unboundInputPrefix)) {
			kept = append(kept, item)
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	if collectiondef.NewMessage(key) != nil {
		return encodeMessages(key, kept, scope)
	}
	first := kept[0]
	if _, ok := first.text(); ok {
		return encodeTexts(kept)
	}
	if _, ok := first.integer(); ok {
		return encodeIntegers(kept)
	}
	if _, ok := first.float(); ok {
		return encodeFloats(kept)
	}
	if _, ok := first.any(); ok {
		return encodeAnys(kept)
	}
	return encodeNodes(kept, scope)
}

// exportName returns the name by which Python's export selects an item: that of a node,
// a tensor, a variable, a queue runner or a control flow context, and a string itself.
func exportName(i Item) (string, bool) {
	switch v := i.Value().(type) {
	case *Operation:
		return v.Name(), true
	case Output:
		return graphbuild.TensorName(v), true
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

func encodeMessages(key string, items []Item, scope string) (*for_core_protos_go_proto.CollectionDef, error) {
	list := &for_core_protos_go_proto.CollectionDef_BytesList{}
	want := collectiondef.NewMessage(key).ProtoReflect().Descriptor().FullName()
	for _, item := range items {
		m := item.message()
		if _, empty := item.Value().(saver); empty && m == nil {
			continue
		}
		if m == nil || m.ProtoReflect().Descriptor().FullName() != want {
			return nil, fmt.Errorf("an item is a %T and not a %s", item.Value(), want.Name())
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
		return &for_core_protos_go_proto.CollectionDef{}, nil
	}
	return &for_core_protos_go_proto.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_BytesList_{BytesList: list}}, nil
}

// messageBytes serializes an item. A message that was imported, and not changed since,
// keeps the bytes from which it was imported.
func messageBytes(item Item, m proto.Message, scope string) ([]byte, error) {
	if scope != "" {
		return graphdef.MarshalBinary(outOfScope(m, scope))
	}
	if item.raw != nil {
		imported := m.ProtoReflect().New().Interface()
		if proto.Unmarshal(item.raw, imported) == nil && proto.Equal(imported, m) {
			return bytes.Clone(item.raw), nil
		}
	}
	return graphdef.MarshalBinary(m)
}

func encodeNodes(items []Item, scope string) (*for_core_protos_go_proto.CollectionDef, error) {
	list := &for_core_protos_go_proto.CollectionDef_NodeList{}
	for _, item := range items {
		name, ok := exportName(item)
		if _, text := item.text(); !ok || text {
			return nil, errMixed(items[0], item)
		}
		if hasScope(name, scope) {
			list.Value = append(list.Value, namescope.Strip(name, scope))
		}
	}
	return &for_core_protos_go_proto.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_NodeList_{NodeList: list}}, nil
}

// convertItems converts all items with one function.
func convertItems[T any](items []Item, convert func(Item) (T, bool)) ([]T, error) {
	values := make([]T, len(items))
	for i, item := range items {
		v, ok := convert(item)
		if !ok {
			return nil, errMixed(items[0], item)
		}
		values[i] = v
	}
	return values, nil
}

func encodeTexts(items []Item) (*for_core_protos_go_proto.CollectionDef, error) {
	values, err := convertItems(items, Item.text)
	if err != nil {
		return nil, err
	}
	list := &for_core_protos_go_proto.CollectionDef_BytesList{Value: values}
	return &for_core_protos_go_proto.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_BytesList_{BytesList: list}}, nil
}

func encodeIntegers(items []Item) (*for_core_protos_go_proto.CollectionDef, error) {
	values, err := convertItems(items, Item.integer)
	if err != nil {
		return nil, err
	}
	list := &for_core_protos_go_proto.CollectionDef_Int64List{Value: values}
	return &for_core_protos_go_proto.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_Int64List_{Int64List: list}}, nil
}

func encodeFloats(items []Item) (*for_core_protos_go_proto.CollectionDef, error) {
	values, err := convertItems(items, func(i Item) (float32, bool) {
		if n, ok := i.integer(); ok {
			return float32(n), true
		}
		f, ok := i.float()
		return float32(f), ok
	})
	if err != nil {
		return nil, err
	}
	list := &for_core_protos_go_proto.CollectionDef_FloatList{Value: values}
	return &for_core_protos_go_proto.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_FloatList_{FloatList: list}}, nil
}

func encodeAnys(items []Item) (*for_core_protos_go_proto.CollectionDef, error) {
	values, err := convertItems(items, Item.any)
	if err != nil {
		return nil, err
	}
	list := &for_core_protos_go_proto.CollectionDef_AnyList{Value: values}
	return &for_core_protos_go_proto.CollectionDef{Kind: &for_core_protos_go_proto.CollectionDef_AnyList_{AnyList: list}}, nil
}

func errMixed(first, other Item) error {
	return fmt.Errorf("the first item is a %T and another one a %T; a meta graph cannot hold both in one collection", first.Value(), other.Value())
}

// collectionDecoder makes items of g from the collections of a meta graph. The nodes of
// the meta graph were imported under scope.
type collectionDecoder struct {
	g     *Graph
	scope string
	// noTrainable is set for files older than VariableDef.trainable. There the
	// variables in trainable_variables are trainable.
	noTrainable bool
	// variables has the variables by the bytes of their VariableDefs. Equal ones, in
	// any collections, are one variable.
	variables map[string]*Variable
}

func (d *collectionDecoder) decode(key string, def *for_core_protos_go_proto.CollectionDef) ([]Item, error) {
	var items []Item
	switch def.GetKind().(type) {
	case *for_core_protos_go_proto.CollectionDef_NodeList_:
		var missing []string
		for _, name := range def.GetNodeList().GetValue() {
			item, ok := d.node(namescope.Prepend(name, d.scope))
			if !ok {
				missing = append(missing, name)
			}
			items = append(items, item)
		}
		if len(missing) > 0 {
			return nil, fmt.Errorf("the graph lacks these items: %s", strings.Join(missing, ", "))
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

// node returns an operation, or a tensor if the name has an index.
func (d *collectionDecoder) node(name string) (Item, bool) {
	if strings.Contains(name, ":") {
		out, err := d.g.OutputByName(name)
		return NewItem(out), err == nil
	}
	op := d.g.Operation(name)
	return NewItem(op), op != nil
}

func (d *collectionDecoder) bytes(key string, data []byte) (Item, error) {
	m := collectiondef.NewMessage(key)
	if m == nil {
		if d.scope == "" {
			return NewItem(bytes.Clone(data)), nil
		}
		// TensorFlow treats a string as a name and puts it into the scope too.
		return NewItem(namescope.Prepend(string(data), d.scope)), nil
	}
	if v := d.variables[string(data)]; v != nil && collectiondef.OfVariables(key) {
		return NewItem(v), nil
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return Item{}, fmt.Errorf("an item is not a %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	if def, ok := m.(*graphdef.VariableDef); ok {
		if d.noTrainable {
			def.Trainable = key == TrainableVariables
		}
		v, err := variableFromDef(d.g, def, d.scope)
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

// renameFrame sets the frame name of the nodes through which values enter a while loop
// to the name of the loop in its new scope. The executor distinguishes loops by it: it
// would mix up two copies of a loop with the same name.
func (d *collectionDecoder) renameFrame(loop *for_core_protos_go_proto.WhileContextDef) error {
	for _, name := range loop.GetValuesDef().GetValues() {
		out, err := d.g.OutputByName(name)
		if err != nil {
			continue // TensorFlow takes any name of a value
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
