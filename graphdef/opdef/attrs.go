package opdef

import (
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// StripDefaults removes, in place, every attribute that has its op's default value,
// in the graph's nodes and in its functions. An older TensorFlow that lacks a newer
// attribute can then still read the graph. Ops that ops does not have stay as they
// are.
func StripDefaults(g *graphdef.GraphDef, ops *Set) {
	functions := nodedef.Functions(g)
	for _, n := range nodedef.AllNodes(g) {
		if functions[n.GetOp()] != nil {
			continue
		}
		for _, attr := range ops.Get(n.GetOp()).GetAttr() {
			value, ok := n.GetAttr()[attr.GetName()]
			if ok && attr.DefaultValue != nil && proto.Equal(value, attr.DefaultValue) {
				delete(n.Attr, attr.GetName())
			}
		}
	}
}

// StripMetaGraphDefaults applies [StripDefaults] to a meta graph's GraphDef and
// records that in its MetaInfoDef.
func StripMetaGraphDefaults(mg *graphdef.MetaGraphDef, ops *Set) {
	if mg == nil {
		return
	}
	StripDefaults(mg.GetGraphDef(), ops)
	if mg.MetaInfoDef == nil {
		mg.MetaInfoDef = &graphdef.MetaInfoDef{}
	}
	mg.MetaInfoDef.StrippedDefaultAttrs = true
}

// AddDefaults adds, in place, the attributes that the graph's nodes lack and for
// which their op has a default. The bodies of functions stay as they are.
func AddDefaults(g *graphdef.GraphDef, ops *Set) {
	for _, n := range g.GetNode() {
		for _, attr := range ops.Get(n.GetOp()).GetAttr() {
			if attr.DefaultValue == nil || n.GetAttr()[attr.GetName()].GetValue() != nil {
				continue
			}
			if n.Attr == nil {
				n.Attr = map[string]*graphdef.AttrValue{}
			}
			n.Attr[attr.GetName()] = proto.Clone(attr.DefaultValue).(*graphdef.AttrValue)
		}
	}
}

// RemoveUnknownDefaults removes, in place, attributes that ops does not know and
// that have their default value according to producer, the op list of the program
// that wrote the graph. A graph of a newer TensorFlow can then be read unless it
// uses what is new.
func RemoveUnknownDefaults(g *graphdef.GraphDef, producer *graphdef.OpList, ops *Set) {
	if len(producer.GetOp()) == 0 {
		return
	}
	writer := fromList(producer)
	for _, n := range nodedef.AllNodes(g) {
		theirs, ours := writer.Get(n.GetOp()), ops.Get(n.GetOp())
		if theirs == nil || ours == nil {
			continue
		}
		for key, value := range n.GetAttr() {
			if ports.AttrDef(ours, key) != nil {
				continue
			}
			if attr := ports.AttrDef(theirs, key); attr.GetDefaultValue() != nil && proto.Equal(value, attr.DefaultValue) {
				delete(n.Attr, key)
			}
		}
	}
}
