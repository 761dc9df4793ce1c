package autodiff

import (
	"google.golang.org/protobuf/proto"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
)

// mover moves nodes of a part's graph into a fragment: those that something needs, and then
// those that they need.
type mover struct {
	*fragment
	order   []*nodeDef // the nodes of the graph; a node follows its inputs
	defs    map[string]*nodeDef
	moved   map[string]bool // nodes that are in the fragment, or will be
	pending []string        // those to be moved
}

func newMover(scope string) *mover {
	return &mover{fragment: newFragment(scope), defs: make(map[string]*nodeDef), moved: make(map[string]bool)}
}

// read reads the nodes of the graph, when all are there.
func (m *mover) read(g *tensorflow.Graph) error {
	var err error
	if m.order, err = graphNodes(g); err != nil {
		return err
	}
	for _, n := range m.order {
		m.defs[n.Name] = n
	}
	return nil
}

// fullName returns the name that a node of the graph has in the fragment.
func (m *mover) fullName(name string) string { return m.scope + "/" + name }

// movedName is fullName, and has the node moved.
func (m *mover) movedName(name string) string {
	if !m.moved[name] {
		m.moved[name] = true
		m.pending = append(m.pending, name)
	}
	return m.fullName(name)
}

// moveAll moves the nodes that are needed.
func (m *mover) moveAll(move func(name string)) {
	for len(m.pending) > 0 && m.err == nil {
		name := m.pending[len(m.pending)-1]
		m.pending = m.pending[:len(m.pending)-1]
		move(name)
	}
}

// copyOf returns a copy of a node, under its name in the fragment.
func (m *mover) copyOf(name string) *nodeDef {
	def := proto.Clone(m.defs[name]).(*nodeDef)
	def.Name = m.fullName(name)
	return def
}

// renameFrame gives the frame of an Enter a name of its own in the whole graph.
func (m *mover) renameFrame(def *nodeDef) {
	if !isEnter(def.Op) {
		return
	}
	frame, err := capi.AttrValue(m.fullName(string(def.Attr["frame_name"].GetS())))
	if err != nil {
		m.fail(err)
	}
	def.Attr["frame_name"] = frame
}
