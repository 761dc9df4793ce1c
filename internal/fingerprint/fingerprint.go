package fingerprint

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/tfkeep/tfkeep/internal/tfproto"
)

// Name is the name of the file in the folder of a SavedModel.
const Name = "fingerprint.pb"

// producer is the version of the algorithm, that of TensorFlow 2.21.
const producer = 4

// Of returns the content of fingerprint.pb for a model whose saved_model.pb is model. index is
// the content of its variables/variables.index, nil for a model without variables. The error
// says why TensorFlow would make no fingerprint either, or none that is known before.
func Of(model, index []byte) ([]byte, error) {
	savedModel := tfproto.Message("tensorflow.SavedModel")
	whole, err := appendCanonical(make([]byte, 0, len(model)), savedModel, model, 0)
	if err != nil {
		return nil, err
	}
	checksum := hash64(whole)
	m, err := parse(savedModel, whole)
	if err != nil {
		return nil, err
	}
	graphs := m.list("meta_graphs")
	if len(graphs) == 0 {
		return nil, fmt.Errorf("the model has no graph")
	}
	first, err := parse(tfproto.Message("tensorflow.MetaGraphDef"), graphs[0])
	if err != nil {
		return nil, err
	}
	program, err := programHash(first.find("graph_def"))
	if err != nil {
		return nil, err
	}
	signatures, err := signatureHash(first.list("signature_def"))
	if err != nil {
		return nil, err
	}
	objects, err := objectHash(first.find("object_graph_def"))
	if err != nil {
		return nil, err
	}
	var checkpoint uint64
	if index != nil {
		checkpoint = hash64(index)
	}
	return encode(checksum, program, signatures, objects, checkpoint)
}

func encode(hashes ...uint64) ([]byte, error) {
	md := tfproto.Message("tensorflow.FingerprintDef")
	m := dynamicpb.NewMessage(md)
	names := []protoreflect.Name{"saved_model_checksum", "graph_def_program_hash", "signature_def_hash", "saved_object_graph_hash", "checkpoint_hash"}
	for i, name := range names {
		m.Set(md.Fields().ByName(name), protoreflect.ValueOfUint64(hashes[i]))
	}
	version := md.Fields().ByName("version")
	v := m.NewField(version)
	v.Message().Set(version.Message().Fields().ByName("producer"), protoreflect.ValueOfInt32(producer))
	m.Set(version, v)
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	m.Set(md.Fields().ByName("uuid"), protoreflect.ValueOfString(new(big.Int).SetBytes(random[:]).String()))
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// programHash is the hash of a graph without functions, versions, the values of strings and
// what differs from one export to the next. data is canonical.
func programHash(data []byte) (uint64, error) {
	md := tfproto.Message("tensorflow.GraphDef")
	g, err := parse(md, data)
	if err != nil {
		return 0, err
	}
	// In TensorFlow, these two are there, and empty.
	for _, name := range []protoreflect.Name{"library", "versions"} {
		g.of(md.Fields().ByName(name)).items = [][]byte{nil}
	}
	nodes := g.of(md.Fields().ByName("node"))
	for i, node := range nodes.items {
		if nodes.items[i], err = regularNode(node); err != nil {
			return 0, err
		}
	}
	g.sort()
	out, err := g.appendTo(nil, 0)
	return hash64(out), err
}

// regularNode returns a node without what differs from one export to the next: the number of
// a called function, the configuration of the call, and strings, which may be paths.
func regularNode(data []byte) ([]byte, error) {
	node := &nodepb.NodeDef{}
	if err := proto.Unmarshal(data, node); err != nil {
		return nil, err
	}
	attr := node.GetAttr()
	switch node.GetOp() {
	case "PartitionedCall", "StatefulPartitionedCall":
		f := attr["f"]
		if f == nil {
			return nil, fmt.Errorf("node %q calls no function", node.GetName())
		}
		if name, _, ok := cutNumber(f.GetFunc().GetName()); ok {
			f.GetFunc().Name = name
		}
		if config := attr["config_proto"]; config != nil {
			config.Value = &attrpb.AttrValue_S{}
		}
	case "Const":
		if attr["dtype"] == nil {
			return nil, fmt.Errorf("node %q has no attribute dtype", node.GetName())
		}
		if attr["dtype"].GetType() != typepb.DataType_DT_STRING {
			return data, nil
		}
		if attr["value"] == nil {
			return nil, fmt.Errorf("node %q has no value", node.GetName())
		}
		attr["value"].Value = nil
	default:
		return data, nil
	}
	return proto.Marshal(node)
}

// cutNumber takes the number away that a function's name ends with, as TensorFlow does.
func cutNumber(name string) (before string, number int64, ok bool) {
	last := name[strings.LastIndexByte(name, '_')+1:]
	number, err := strconv.ParseInt(strings.Trim(last, " \t\n\v\f\r"), 10, 64)
	return strings.TrimSuffix(name, strconv.FormatInt(number, 10)), number, err == nil
}

// signatureHash is the hash of the signatures in the order of their keys, in which the entries
// of the map are.
func signatureHash(entries [][]byte) (hash uint64, err error) {
	for _, item := range entries {
		key, value, err := entry("tensorflow.MetaGraphDef", "signature_def", item)
		if err != nil {
			return 0, err
		}
		hash = combine(combine(hash, hash64(key)), hash64(value))
	}
	return hash, nil
}

// objectHash is the hash of the functions in the object graph, in the order of the numbers at
// the ends of their names.
func objectHash(data []byte) (hash uint64, err error) {
	objects, err := parse(tfproto.Message("tensorflow.SavedObjectGraph"), data)
	if err != nil {
		return 0, err
	}
	type function struct {
		number      int64
		name, value []byte
	}
	var functions []function
	for _, item := range objects.list("concrete_functions") {
		key, value, err := entry("tensorflow.SavedObjectGraph", "concrete_functions", item)
		if err != nil {
			return 0, err
		}
		name, number, ok := cutNumber(string(key))
		if !ok {
			return 0, fmt.Errorf("the name of function %q does not end in a number", key)
		}
		functions = append(functions, function{number, []byte(name), value})
	}
	slices.SortFunc(functions, func(a, b function) int { return cmp.Compare(a.number, b.number) })
	for i, f := range functions {
		if i > 0 && f.number == functions[i-1].number {
			return 0, fmt.Errorf("the names of two functions end in %d", f.number)
		}
		hash = combine(combine(hash, hash64(f.name)), hash64(f.value))
	}
	return hash, nil
}

// entry splits an entry of a map.
func entry(in protoreflect.FullName, field protoreflect.Name, item []byte) (key, value []byte, err error) {
	m, err := parse(tfproto.Message(in).Fields().ByName(field).Message(), item)
	if err != nil {
		return nil, nil, err
	}
	return m.find("key"), m.find("value"), nil
}
