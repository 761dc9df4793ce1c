package freeze

import (
	"cmp"
	"maps"
	"slices"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// savedAs is a key under which a variable may be saved.
type savedAs struct {
	key       string
	slice     string // TensorFlow's text of shape and slice, "" for the whole tensor
	saver     string // identifies the saver: the node with its file's name, or the call of its function
	preferred bool   // the saver is that of Options.SaverDef
}

// keys has the keys of the variables of a graph, by the IDs of variables: several nodes may
// stand for one variable.
type keys struct {
	objects map[string][]savedAs // as objects of TensorFlow 2
	saved   map[string][]savedAs // as restore nodes of the graph read them
	unread  map[string][]string  // the restore nodes whose keys are computed
	names   map[string][]string  // names of nodes, then shared names
	owners  map[string]map[string]bool
	savers  map[string]map[string]bool // saver → the variables that it restores
	nodes   []string                   // all restore nodes whose keys are computed
}

func newKeys() *keys {
	return &keys{
		objects: map[string][]savedAs{}, saved: map[string][]savedAs{}, unread: map[string][]string{},
		names: map[string][]string{}, owners: map[string]map[string]bool{}, savers: map[string]map[string]bool{},
	}
}

// variableID identifies the variable of a node. Unlike nodedef.VariableID, it is never
// empty.
func variableID(n *graphdef.NodeDef) string { return cmp.Or(nodedef.VariableID(n), "node\x00"+n.Name) }

// own notes that a variable claims a key or name.
func own(owners map[string]map[string]bool, key, id string) {
	if owners[key] == nil {
		owners[key] = map[string]bool{}
	}
	owners[key][id] = true
}

// addVariable adds the names of a node, if it is one of a variable.
func (k *keys) addVariable(n *graphdef.NodeDef) {
	if !nodedef.IsVariableOp(n.GetOp()) {
		return
	}
	id := variableID(n)
	for _, name := range []string{n.Name, string(n.Attr["shared_name"].GetS())} {
		if name != "" && !slices.Contains(k.names[id], name) {
			k.names[id] = append(k.names[id], name)
			own(k.owners, name, id)
		}
	}
}

// addSavers adds what the restore nodes of a graph and its functions say.
func (k *keys) addSavers(g *savergraph.Graph, prefer *graphdef.SaverDef) {
	for r, err := range g.AllRestores() {
		id := r.VariableID
		if id == "" {
			id = "node\x00" + r.Variable
		}
		switch {
		case err != nil:
			if !slices.Contains(k.nodes, r.Node) {
				k.nodes = append(k.nodes, r.Node)
			}
			if r.Variable != "" {
				k.unread[id] = append(k.unread[id], r.Node)
			}
		case r.Variable != "":
			c := savedAs{key: r.Key, slice: r.Slice, saver: cmp.Or(r.Call, r.File), preferred: isOf(&r, prefer)}
			k.saved[id] = append(k.saved[id], c)
			own(k.owners, r.Key, id)
			own(k.savers, c.saver, id)
		}
	}
}

// isOf reports whether a restore node belongs to a saver.
func isOf(r *savergraph.Restored, s *graphdef.SaverDef) bool {
	switch restore := nodedef.NodeName(s.GetRestoreOpName()); {
	case s == nil:
		return false
	case r.Call != "":
		return r.Call == restore
	default:
		scope := scopeOf(restore)
		return r.File != "" && r.File == nodedef.NodeName(s.GetFilenameTensorName()) || scope != "" && scopeOf(r.Node) == scope
	}
}

// addObjects adds the keys of the variables that functions of a SavedModel captured.
func (k *keys) addObjects(g *savergraph.Graph, objects *pb.SavedObjectGraph, saved *objectgraph.Graph) {
	stored := saved.VariableKeys(objects)
	for c := range g.Captures(objects) {
		id := cmp.Or(c.VariableID, "node\x00"+c.Variable)
		for _, key := range stored[c.Object] {
			if found := (savedAs{key: key}); !slices.Contains(k.objects[id], found) {
				k.objects[id] = append(k.objects[id], found)
			}
		}
	}
}

// conventional returns the keys under which TensorFlow saves a variable if nothing says
// otherwise: its names. A name that stands for another variable too is not among them.
func (k *keys) conventional(id string) []savedAs {
	var list []savedAs
	for _, name := range k.names[id] {
		if len(k.owners[name]) == 1 {
			list = append(list, savedAs{key: name})
		}
	}
	return list
}

// choose returns the key that counts where savers restore a variable from several: the
// name of the variable, or else that of the one saver that restores all variables which
// any saver restores. It returns nil if there is none.
func (k *keys) choose(id string, from []savedAs) *savedAs {
	for i := range from {
		if slices.Contains(k.names[id], from[i].key) {
			return &from[i]
		}
	}
	all := map[string]bool{}
	for _, variables := range k.savers {
		for v := range variables {
			all[v] = true
		}
	}
	var chosen *savedAs
	for i := range from {
		if len(k.savers[from[i].saver]) < len(all) {
			continue
		}
		if chosen != nil {
			return nil
		}
		chosen = &from[i]
	}
	return chosen
}

// shares returns another variable into which the same saver restores the same tensor, ""
// if there is none.
func (k *keys) shares(id string, c savedAs) string {
	for _, other := range slices.Sorted(maps.Keys(k.owners[c.key])) {
		if other != id && slices.Contains(k.saved[other], c) {
			if names := k.names[other]; len(names) > 0 {
				return names[0]
			}
		}
	}
	return ""
}
