package edit

import (
	"fmt"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/devicename"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// ClearDevices removes the device from every node of the graph, in place, so that the
// graph can run on another machine. The bodies of functions keep their devices, as
// with TensorFlow's clear_devices.
func ClearDevices(g *graphdef.GraphDef) {
	for _, n := range g.GetNode() {
		n.Device = ""
	}
}

// RenameScope moves, in place, the nodes in the scope from, and a node named exactly from,
// to the scope to. It changes their names and all references to them: inputs, colocation
// and the frames of while loops. An empty to removes the scope; an empty from puts the
// whole graph into to.
//
// If new names would collide with others, RenameScope changes nothing and returns a
// tfkeep.ErrArgument that lists them. A scope without nodes is a tfkeep.ErrNotFound.
func RenameScope(g *graphdef.GraphDef, from, to string) error {
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
		return &tfkeep.Error{Op: "rename scope", Err: tfkeep.ErrNotFound, Detail: fmt.Sprintf("there is no node in scope %q", from)}
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
		node := nodedef.NodeName(name)
		renamed, _ := moved(node, from, to)
		return strings.Replace(name, node, renamed, 1)
	}
	for _, n := range g.GetNode() {
		n.Name = rename(n.GetName())
		for i, input := range n.GetInput() {
			n.Input[i] = rename(input)
		}
		for i, class := range n.GetAttr()["_class"].GetList().GetS() {
			if node, ok := strings.CutPrefix(string(class), devicename.ColocationPrefix); ok {
				n.Attr["_class"].GetList().S[i] = []byte(devicename.ColocationPrefix + rename(node))
			}
		}
		if v := frameName(n); v != nil {
			v.Value = &attr_value_go_proto.AttrValue_S{S: []byte(rename(string(v.GetS())))}
		}
	}
	return nil
}

// moved returns the name of a node after its scope was renamed, and whether the node
// is in that scope.
func moved(name, from, to string) (string, bool) {
	switch {
	case from == "":
		return namescope.Prepend(name, to), true
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

// frameName returns the attribute that names the frame of a while loop's entry.
func frameName(n *graphdef.NodeDef) *graphdef.AttrValue {
	switch n.GetOp() {
	case "Enter", "RefEnter":
		return n.GetAttr()["frame_name"]
	}
	return nil
}
