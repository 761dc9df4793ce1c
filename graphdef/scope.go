package graphdef

import (
	"fmt"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/tfkeep/tfkeep"
)

// ClearDevices removes the device from every node of the graph, in place, so
// that it can be placed on another machine. The bodies of functions keep
// theirs, as with TensorFlow's clear_devices.
func ClearDevices(g *GraphDef) {
	for _, n := range g.GetNode() {
		n.Device = ""
	}
}

// RenameScope moves, in place, the nodes in scope from (and a node of that very
// name) to scope to: their names, and whatever refers to them, which is inputs,
// colocation and the frames of while loops. An empty to takes the scope off; an
// empty from puts the whole graph into to.
//
// Where the new names would collide with others nothing is changed and the
// error, of kind tfkeep.ErrArgument, lists them; a scope without nodes is tfkeep.ErrNotFound.
func RenameScope(g *GraphDef, from, to string) error {
	from, to = strings.TrimSuffix(from, "/"), strings.TrimSuffix(to, "/")
	taken := map[string]bool{}
	var moving []string
	for _, n := range g.GetNode() {
		if _, ok := moved(n.GetName(), from, to); ok {
			moving = append(moving, n.GetName())
		} else {
			taken[n.GetName()] = true
		}
	}
	if len(moving) == 0 {
		return &tfkeep.Error{Op: "rename scope", Err: tfkeep.ErrNotFound, Detail: fmt.Sprintf("no node in scope %q", from)}
	}
	var clashes []string
	for _, name := range moving {
		renamed, _ := moved(name, from, to)
		if taken[renamed] || renamed == "" {
			clashes = append(clashes, fmt.Sprintf("%s → %q", name, renamed))
		}
		taken[renamed] = true
	}
	if len(clashes) > 0 {
		return &tfkeep.Error{Op: "rename scope", Err: tfkeep.ErrArgument,
			Detail: "these names are taken or empty: " + strings.Join(clashes, ", ")}
	}

	rename := func(name string) string {
		mark, rest := splitMark(name)
		node, port := rest, ""
		if i := strings.IndexByte(rest, ':'); i >= 0 {
			node, port = rest[:i], rest[i:]
		}
		node, _ = moved(node, from, to)
		return mark + node + port
	}
	for _, n := range g.GetNode() {
		n.Name = rename(n.GetName())
		for i, input := range n.GetInput() {
			n.Input[i] = rename(input)
		}
		for i, class := range n.GetAttr()["_class"].GetList().GetS() {
			n.Attr["_class"].GetList().S[i] = []byte(rename(string(class)))
		}
		if v := frameName(n); v != nil {
			v.Value = &attr_value_go_proto.AttrValue_S{S: []byte(rename(string(v.GetS())))}
		}
	}
	return nil
}

// moved gives the name that a node has after its scope was renamed, and whether
// the node is in that scope at all.
func moved(name, from, to string) (string, bool) {
	switch {
	case from == "":
		return PrependNameScope(name, to), true
	case name == from:
		return to, true
	case strings.HasPrefix(name, from+"/"):
		if to == "" {
			return name[len(from)+1:], true
		}
		return to + name[len(from):], true
	}
	return name, false
}

// frameName gives the attribute that names the frame of a while loop's entry.
func frameName(n *NodeDef) *AttrValue {
	switch n.GetOp() {
	case "Enter", "RefEnter":
		return n.GetAttr()["frame_name"]
	}
	return nil
}
