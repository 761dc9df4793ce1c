package objectgraph

import (
	"strings"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tfkeep/tfkeep"
)

const (
	variableValue = "VARIABLE_VALUE"
	attributes    = "/.ATTRIBUTES/"
)

// variableKey returns the key of the value of the variable with a path.
func variableKey(path ...string) string {
	escaped := make([]string, len(path))
	for i, name := range path {
		escaped[i] = strings.ReplaceAll(strings.ReplaceAll(name, ".", ".."), "/", ".S")
	}
	return strings.Join(escaped, "/") + attributes + variableValue
}

// Encode returns the bytes of the string tensor [Key], which [Decode] parses.
func (g *Graph) Encode() ([]byte, error) {
	if g == nil {
		return nil, nilGraph("encode object graph")
	}
	m := &pb.TrackableObjectGraph{}
	held := g.holders()
	for i, o := range g.Objects {
		n := &pb.TrackableObjectGraph_TrackableObject{HasCheckpointValues: wrapperspb.Bool(held[i])}
		for _, c := range o.Children {
			n.Children = append(n.Children, &pb.TrackableObjectGraph_TrackableObject_ObjectReference{LocalName: c.Name, NodeId: int32(c.Object)})
		}
		for _, v := range o.Values {
			n.Attributes = append(n.Attributes, &pb.TrackableObjectGraph_TrackableObject_SerializedTensor{Name: v.Name, FullName: v.Full, CheckpointKey: v.Key})
		}
		for _, s := range o.Slots {
			n.SlotVariables = append(n.SlotVariables, &pb.TrackableObjectGraph_TrackableObject_SlotVariableReference{
				SlotName: s.Name, OriginalVariableNodeId: int32(s.Variable), SlotVariableNodeId: int32(s.Object)})
		}
		if o.Saver != "" {
			n.RegisteredSaver = &pb.RegisteredSaver{Name: o.Saver, ObjectName: o.SaverObject}
		}
		m.Nodes = append(m.Nodes, n)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// holders reports which objects have values, or lead to objects that have some. TensorFlow
// skips the others when it restores.
func (g *Graph) holders() []bool {
	parents := make([][]int, len(g.Objects))
	held := make([]bool, len(g.Objects))
	var queue []int
	for i, o := range g.Objects {
		for _, c := range o.Children {
			parents[c.Object] = append(parents[c.Object], i)
		}
		if len(o.Values) > 0 || len(o.Slots) > 0 || o.Saver != "" {
			held[i] = true
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		at := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, p := range parents[at] {
			if !held[p] {
				held[p] = true
				queue = append(queue, p)
			}
		}
	}
	return held
}

func nilGraph(op string) error {
	return &tfkeep.Error{Op: op, Err: tfkeep.ErrArgument, Detail: "the object graph is nil"}
}
