package saver

import (
	"strconv"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// The variables of a cluster live in its servers, and not in a session: another
// session with a node of the same name on the same task has the same variable. So
// a graph of its own, made of nothing but the nodes that read and assign the
// variables of one task, and a session on that task's own server save and restore
// them without a detour, and without the other tasks being there.

// task is one server of a cluster; the zero value is none.
type task struct {
	job   string
	index int
}

func (t task) String() string { return "/job:" + t.job + "/task:" + strconv.Itoa(t.index) }

// taskOf is the task that a device names, if it names one.
func taskOf(device string) (task, bool) {
	d := parseDevice(device)
	index, err := strconv.Atoi(d.Task)
	return task{d.Job, index}, err == nil && d.Job != ""
}

// taskParts are the parts of a graph that one task can run by itself.
type taskParts struct {
	graphs   map[task]*graph_go_proto.GraphDef
	saved    []task   // parallel to savePlan.tensors: whose part has it, zero if none
	restored []task   // parallel to restorePlan.tensors
	feeds    []string // parallel to restorePlan.tensors: the placeholder's name
}

// movable are the operations that do the same in another graph and session: those
// that Savers put around variables.
var movable = map[string]bool{
	"VarHandleOp": true, "ReadVariableOp": true, "AssignVariableOp": true,
	"Variable": true, "VariableV2": true, "Assign": true,
	"Identity": true, "Reshape": true, "Cast": true, "Const": true,
}

func isVariable(op string) bool { return op == "VarHandleOp" || op == "Variable" || op == "VariableV2" }

// taskParts takes a graph's plans apart.
func (x nodeIndex) taskParts(def *graph_go_proto.GraphDef, save *savePlan, load *restorePlan) *taskParts {
	p := &taskParts{
		graphs:   map[task]*graph_go_proto.GraphDef{},
		saved:    make([]task, len(save.tensors)),
		restored: make([]task, len(load.tensors)),
		feeds:    make([]string, len(load.tensors)),
	}
	type key struct {
		task
		node string
	}
	have := map[key]bool{}
	add := func(t task, nodes []*node_def_go_proto.NodeDef) {
		g := p.graphs[t]
		if g == nil {
			g = &graph_go_proto.GraphDef{Versions: def.Versions}
			p.graphs[t] = g
		}
		for _, n := range nodes {
			if !have[key{t, n.Name}] {
				have[key{t, n.Name}] = true
				g.Node = append(g.Node, n)
			}
		}
	}
	for i, t := range save.tensors {
		if nodes, owner, ok := x.alone(t.source, "", nil); ok {
			p.saved[i] = owner
			add(owner, nodes)
		}
	}
	for i, t := range load.tensors {
		in := &node_def_go_proto.NodeDef{
			Name: "restored/" + strconv.Itoa(i), Op: "Placeholder",
			Attr: map[string]*attr_value_go_proto.AttrValue{
				"dtype": {Value: &attr_value_go_proto.AttrValue_Type{Type: t.dtype}},
			},
		}
		if x[in.Name] != nil {
			continue
		}
		if nodes, owner, ok := x.alone(t.assign, t.output, in); ok {
			p.restored[i], p.feeds[i] = owner, in.Name+":0"
			add(owner, nodes)
		}
	}
	return p
}

// alone copies the nodes that start needs, with in instead of the tensor that is
// fed. It reports false unless they belong to a variable of one task and can be
// moved.
func (x nodeIndex) alone(start, fed string, in *node_def_go_proto.NodeDef) (nodes []*node_def_go_proto.NodeDef, owner task, ok bool) {
	first, _ := inputRef(start)
	queue, seen := []string{first}, map[string]bool{first: true}
	var fedNode string
	var fedIndex int
	if in != nil {
		fedNode, fedIndex = inputRef(fed)
		nodes = append(nodes, in)
	}
	for len(queue) > 0 {
		n := x[queue[0]]
		queue = queue[1:]
		if n == nil || !movable[n.Op] {
			return nil, task{}, false
		}
		on, named := taskOf(n.Device)
		switch {
		case named && owner == task{}:
			owner = on
		case named && on != owner, !named && isVariable(n.Op), !named && parseDevice(n.Device).Job != "":
			return nil, task{}, false
		}
		n = proto.Clone(n).(*node_def_go_proto.NodeDef)
		delete(n.Attr, "_class") // what it lies beside may be elsewhere; there is but one task
		for i, ref := range n.Input {
			if ref[0] == '^' {
				return nil, task{}, false
			}
			name, index := inputRef(ref)
			if in != nil && name == fedNode && index == fedIndex {
				n.Input[i] = in.Name
				continue
			}
			if !seen[name] {
				seen[name] = true
				queue = append(queue, name)
			}
		}
		nodes = append(nodes, n)
	}
	return nodes, owner, owner != task{}
}
