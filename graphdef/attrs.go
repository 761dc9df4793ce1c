package graphdef

import (
	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
)

// StripDefaultAttrs removes, in place, every attribute that has its op's
// default value, in the graph's nodes and in its functions. An older TensorFlow
// that lacks a newer attribute can then still read the graph. Ops that ops
// (nil: BuiltinOps) lacks are left alone.
func StripDefaultAttrs(g *GraphDef, ops *Ops) {
	ops = ops.orBuiltin()
	functions := libraryFunctions(g)
	allNodes(g, func(n *NodeDef) {
		if functions[n.GetOp()] != nil {
			return
		}
		for _, attr := range ops.Get(n.GetOp()).GetAttr() {
			value, ok := n.GetAttr()[attr.GetName()]
			if ok && attr.DefaultValue != nil && proto.Equal(value, attr.DefaultValue) {
				delete(n.Attr, attr.GetName())
			}
		}
	})
}

// StripMetaGraphDefaultAttrs does StripDefaultAttrs to a meta graph's GraphDef
// and records in its MetaInfoDef that it was done.
func StripMetaGraphDefaultAttrs(mg *MetaGraphDef, ops *Ops) {
	StripDefaultAttrs(mg.GetGraphDef(), ops)
	if mg.MetaInfoDef == nil {
		mg.MetaInfoDef = &MetaInfoDef{}
	}
	mg.MetaInfoDef.StrippedDefaultAttrs = true
}

// AddDefaultAttrs adds, in place, the attributes that the graph's nodes lack
// and for which their op has a default.
func AddDefaultAttrs(g *GraphDef, ops *Ops) {
	ops = ops.orBuiltin()
	for _, n := range g.GetNode() {
		for _, attr := range ops.Get(n.GetOp()).GetAttr() {
			if attr.DefaultValue == nil || n.GetAttr()[attr.GetName()].GetValue() != nil {
				continue
			}
			if n.Attr == nil {
				n.Attr = map[string]*AttrValue{}
			}
			n.Attr[attr.GetName()] = proto.Clone(attr.DefaultValue).(*AttrValue)
		}
	}
}

// RemoveUnknownDefaultAttrs removes, in place, attributes that ops (nil:
// BuiltinOps) does not know and that have the default value that producer, the
// op list of the program that wrote the graph, states for them. So a graph of a
// newer TensorFlow can be read as long as it does not use what is new.
func RemoveUnknownDefaultAttrs(g *GraphDef, producer *OpList, ops *Ops) {
	if len(producer.GetOp()) == 0 {
		return
	}
	ops = ops.orBuiltin()
	made := NewOpsFromList(producer)
	allNodes(g, func(n *NodeDef) {
		theirs, ours := made.Get(n.GetOp()), ops.Get(n.GetOp())
		if theirs == nil || ours == nil {
			return
		}
		for key, value := range n.GetAttr() {
			if attrDef(ours, key) != nil {
				continue
			}
			if attr := attrDef(theirs, key); attr.GetDefaultValue() != nil && proto.Equal(value, attr.DefaultValue) {
				delete(n.Attr, key)
			}
		}
	})
}

func attrDef(op *OpDef, name string) *op_def_go_proto.OpDef_AttrDef {
	for _, attr := range op.GetAttr() {
		if attr.GetName() == name {
			return attr
		}
	}
	return nil
}
