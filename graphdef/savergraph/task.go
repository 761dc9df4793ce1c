package savergraph

import (
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/devicename"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// The variables of a cluster live in its servers, not in a session: another session
// with a node of the same name on the same task has the same variable. So a small graph
// that has only the nodes that read and assign the variables of one task, and a session
// on that task's own server, save and restore them directly, and without the other
// tasks.

// Task is one server of a cluster. The zero value is not a task.
type Task struct {
	Job   string
	Index int
}

// String returns the task as a device name, "/job:ps/task:1".
func (t Task) String() string { return devicename.Task(t.Job, t.Index) }

// TaskGraphs are the parts of a graph that single tasks can run by themselves.
type TaskGraphs struct {
	Graphs   map[Task]*graphdef.GraphDef
	Saved    []Task   // for each tensor of the save plan: whose graph has it, the zero Task if none has
	Restored []Task   // for each tensor that is restored, likewise
	Feeds    []string // for each tensor that is restored: the placeholder to feed, "node:0"
}

// movable are the operations that do the same in another graph and session: those
// that Savers put around variables.
var movable = map[string]bool{
	"VarHandleOp": true, "ReadVariableOp": true, "AssignVariableOp": true,
	"Variable": true, "VariableV2": true, "Assign": true,
	"Identity": true, "Reshape": true, "Cast": true, "Const": true,
}

// maxPart is how many nodes may read or assign one variable in a graph of its task. A
// Saver makes a few.
const maxPart = 64

// SplitByTask makes a graph for each task, with the nodes that save and restore (results
// of [Graph.Save] and [Graph.Restore]) need.
func (g *Graph) SplitByTask(save *SavePlan, restore []Restored) *TaskGraphs {
	p := &TaskGraphs{
		Graphs:   map[Task]*graphdef.GraphDef{},
		Saved:    make([]Task, len(save.Tensors)),
		Restored: make([]Task, len(restore)),
		Feeds:    make([]string, len(restore)),
	}
	type key struct {
		Task
		node string
	}
	have := map[key]bool{}
	add := func(t Task, nodes []*graphdef.NodeDef) {
		part := p.Graphs[t]
		if part == nil {
			part = &graphdef.GraphDef{Versions: g.def.GetVersions()}
			p.Graphs[t] = part
		}
		for _, n := range nodes {
			if !have[key{t, n.GetName()}] {
				have[key{t, n.GetName()}] = true
				part.Node = append(part.Node, n)
			}
		}
	}
	for i, t := range save.Tensors {
		if nodes, owner, ok := g.part(t.Source, "", nil); ok {
			p.Saved[i] = owner
			add(owner, nodes)
		}
	}
	for i, t := range restore {
		in := &graphdef.NodeDef{
			Name: "restored/" + strconv.Itoa(i), Op: "Placeholder",
			Attr: map[string]*graphdef.AttrValue{
				"dtype": nodedef.TypeAttr(t.DType),
			},
		}
		if g.nodes[in.Name] != nil {
			continue
		}
		if nodes, owner, ok := g.part(t.Assign, t.Output, in); ok {
			p.Restored[i], p.Feeds[i] = owner, in.Name+":0"
			add(owner, nodes)
		}
	}
	return p
}

// part copies the nodes that start needs, with in instead of the tensor that is fed. It
// returns false unless they belong to a variable of one task and can be moved.
func (g *Graph) part(start, fed string, in *graphdef.NodeDef) (nodes []*graphdef.NodeDef, owner Task, ok bool) {
	first, _ := input(start)
	queue, seen := []string{first}, map[string]bool{first: true}
	var fedNode string
	var fedIndex int
	if in != nil {
		fedNode, fedIndex = input(fed)
		nodes = append(nodes, in)
	}
	for len(queue) > 0 {
		n := g.nodes[queue[0]]
		queue = queue[1:]
		if !movable[n.GetOp()] || len(nodes) == maxPart || len(n.GetInput()) > maxPart {
			return nil, Task{}, false
		}
		device, _ := devicename.Parse(n.GetDevice()) // the runtime refuses what does not parse
		job, index, named := devicename.TaskOf(n.GetDevice())
		on := Task{job, index}
		switch {
		case named && owner == Task{}:
			owner = on
		case named && on != owner, !named && nodedef.IsVariableOp(n.GetOp()), !named && device.Job != "":
			return nil, Task{}, false
		}
		n = proto.Clone(n).(*graphdef.NodeDef)
		delete(n.Attr, "_class") // it may name a node of another task; the part has one task only
		for i, ref := range n.Input {
			if nodedef.IsControl(ref) {
				return nil, Task{}, false
			}
			name, index := input(ref)
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
	return nodes, owner, owner != Task{}
}
