package savedmodel

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
	"github.com/tfkeep/tfkeep/internal/namelist"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// checkApart refuses a model that the graph of the session would mix up with what it has
// already. Nodes whose names are taken get other names in TensorFlow, and the signatures, the
// Saver and the collections would find the old nodes. Resources with one shared_name have one
// content, whatever the names of their nodes are.
func (m *Model) checkApart(files *folder, mg *graphdef.MetaGraphDef) error {
	present := m.Graph().Operations()
	if len(present) == 0 {
		return nil
	}
	if scope := m.opts.ImportScope; scope == "" || strings.HasSuffix(scope, "/") { // any other scope is made a new one
		var taken []string
		named := namedNodes(mg)
		for _, n := range mg.GetGraphDef().GetNode() {
			if m.Graph().Operation(scope+n.GetName()) != nil && (named[n.GetName()] || holdsState(n)) {
				taken = append(taken, n.GetName())
			}
		}
		if len(taken) > 0 {
			return loadError(files.name, tfkeep.ErrExists, "the graph of the session has nodes of the same names already: %s; set LoadOptions.ImportScope, or load the model into a session of its own", namelist.Some(taken, 5))
		}
	}
	shared := map[resource]string{}
	for i := range present {
		o := &present[i]
		name, _ := o.Attr("shared_name")
		container, _ := o.Attr("container")
		if r, ok := resourceOf(o.Type(), container, name); ok {
			shared[r] = o.Name()
		}
	}
	if len(shared) == 0 {
		return nil
	}
	for _, nodes := range bodies(mg.GetGraphDef()) {
		for _, n := range nodes {
			attr := n.GetAttr()
			r, ok := resourceOf(n.GetOp(), string(attr["container"].GetS()), string(attr["shared_name"].GetS()))
			if node, taken := shared[r]; ok && taken {
				return &tfkeep.Error{Op: "load", Path: files.name, Item: "node", Name: n.GetName(), Err: tfkeep.ErrExists,
					Detail: fmt.Sprintf("its content would be that of node %s of the session's graph, because both have the shared_name %q; load the model into a session of its own", node, r.name)}
			}
		}
	}
	return nil
}

// namedNodes returns the nodes that the model finds by their names: those in signatures,
// collections and the SaverDef. It may return other names, too.
func namedNodes(mg *graphdef.MetaGraphDef) map[string]bool {
	named := map[string]bool{}
	add := func(name string) { named[nodedef.NodeName(name)] = true }
	for _, sig := range mg.GetSignatureDef() {
		for _, infos := range []map[string]*graphdef.TensorInfo{sig.GetInputs(), sig.GetOutputs()} {
			for _, info := range infos {
				for _, name := range append(signature.TensorNames(info), info.GetName()) {
					add(name)
				}
			}
		}
	}
	def := mg.GetSaverDef()
	for _, name := range []string{def.GetFilenameTensorName(), def.GetSaveTensorName(), def.GetRestoreOpName()} {
		add(name)
	}
	for key, c := range mg.GetCollectionDef() {
		for _, name := range c.GetNodeList().GetValue() {
			add(name)
		}
		for _, data := range c.GetBytesList().GetValue() {
			msg := collectiondef.NewMessage(key)
			if msg != nil && proto.Unmarshal(data, msg) == nil {
				eachString(msg.ProtoReflect(), add)
			}
		}
	}
	return named
}

// eachString calls f for every string in a message.
func eachString(m protoreflect.Message, f func(string)) {
	_ = protorange.Range(m, func(p protopath.Values) error {
		if s, ok := p.Index(-1).Value.Interface().(string); ok {
			f(s)
		}
		return nil
	})
}

// holdsState reports whether a node is a variable or a table: a program looks for them by
// name, and so do the objects of TensorFlow 2.
func holdsState(n *graphdef.NodeDef) bool {
	op := n.GetOp()
	return op == "VarHandleOp" || strings.HasPrefix(op, "Variable") || strings.Contains(op, "HashTable")
}

// resource is what TensorFlow finds the content of a variable, table or queue by.
type resource struct{ kind, container, name string }

// resourceOf returns the resource of a node. Without a shared_name a node has one of its own,
// except for variables, which all share the one with the empty name.
func resourceOf(op string, container, name any) (resource, bool) {
	r := resource{kind: strings.TrimRight(op, "V23")}
	for _, family := range []string{"HashTable", "Queue"} {
		if strings.Contains(op, family) {
			r.kind = family
		}
	}
	r.container, _ = container.(string)
	var given bool
	r.name, given = name.(string)
	return r, given && (r.name != "" || op == "VarHandleOp")
}

// bodies returns the nodes of a graph and those of its functions.
func bodies(def *graphdef.GraphDef) [][]*graphdef.NodeDef {
	all := [][]*graphdef.NodeDef{def.GetNode()}
	for _, f := range def.GetLibrary().GetFunction() {
		all = append(all, f.GetNodeDef())
	}
	return all
}
