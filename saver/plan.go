package saver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// A plan says what a Saver's nodes in a graph do, so that Go can do it in their
// stead: which tensors go into which file under which names, and what comes
// back from where. It is read off the graph alone, starting from the nodes that
// the SaverDef names, and so serves graphs of every TensorFlow from 0.8 on.

// ErrNoPlan means that the nodes do something this package does not know; the
// nodes themselves then have to run.
var ErrNoPlan = errors.New("saver: the graph's save and restore nodes are of an unknown form")

// savedTensor is one tensor that a save node writes.
type savedTensor struct {
	name   string
	spec   string
	source string // "node:index", the input of the save node
	shard  int
	// node is the save node, device where it writes.
	node, device string
	// aliases: the fetched value is the variable's own memory, which training
	// goes on writing to.
	aliases bool
}

type savePlan struct {
	version checkpoint.Version
	shards  int
	tensors []savedTensor // in the order in which TensorFlow writes them
	merge   string        // the device that merges shards of V2
}

// restoredTensor is one output of a restore node.
type restoredTensor struct {
	name   string
	spec   string
	dtype  dtype.DataType
	output string // "node:index"
	device string // of the restore node
	index  int    // in the plan
	// What takes it: the operation that assigns, the variable, and the shape
	// that the variable needs. Without a known shape, or where any shape with
	// as many elements will do, checks are looser.
	assign   string
	variable string
	shape    []int64 // dimensions of -1 are free
	known    bool
	reshapes bool
}

type restorePlan struct {
	tensors []restoredTensor
}

// nodeIndex finds nodes and walks along their inputs.
type nodeIndex map[string]*node_def_go_proto.NodeDef

func indexNodes(nodes []*node_def_go_proto.NodeDef) nodeIndex {
	x := make(nodeIndex, len(nodes))
	for _, n := range nodes {
		x[n.Name] = n
	}
	return x
}

// inputRef splits "^node", "node" and "node:1".
func inputRef(in string) (node string, index int) {
	in = strings.TrimPrefix(in, "^")
	if i := strings.LastIndexByte(in, ':'); i >= 0 {
		if n, err := strconv.Atoi(in[i+1:]); err == nil {
			return in[:i], n
		}
	}
	return in, 0
}

// reach returns every node that start needs, in an order that doesn't depend
// on chance. It stops at nodes for which stop is true, after including them.
func (x nodeIndex) reach(start string, stop func(*node_def_go_proto.NodeDef) bool) []*node_def_go_proto.NodeDef {
	var out []*node_def_go_proto.NodeDef
	seen := map[string]bool{start: true}
	queue := []string{start}
	for len(queue) > 0 {
		n := x[queue[0]]
		queue = queue[1:]
		if n == nil {
			continue
		}
		out = append(out, n)
		if stop(n) {
			continue
		}
		for _, in := range n.Input {
			name, _ := inputRef(in)
			if !seen[name] {
				seen[name] = true
				queue = append(queue, name)
			}
		}
	}
	return out
}

// strings reads a Const of strings that is the i-th input of n.
func (x nodeIndex) strings(n *node_def_go_proto.NodeDef, i int) ([]string, error) {
	c, err := x.constInput(n, i)
	if err != nil {
		return nil, err
	}
	t := c.Attr["value"].GetTensor()
	if len(t.GetTensorContent()) > 0 {
		return packedStrings(t.GetTensorContent(), c.Name)
	}
	out := make([]string, len(t.GetStringVal()))
	for j, v := range t.GetStringVal() {
		out[j] = string(v)
	}
	// A constant of equal elements may be stored as one.
	want := int64(1)
	for _, d := range t.GetTensorShape().GetDim() {
		want *= d.Size
	}
	switch {
	case int64(len(out)) == want:
	case len(out) == 0 && want >= 0 && want < 1<<24:
		out = make([]string, want)
	case len(out) == 1 && want > 1 && want < 1<<24:
		for int64(len(out)) < want {
			out = append(out, out[0])
		}
	default:
		return nil, fmt.Errorf("%w: constant %s", ErrNoPlan, c.Name)
	}
	return out, nil
}

// packedStrings reads strings as the C API writes constants: all lengths, then
// all bytes. The number of strings isn't stored: the lengths end where the rest
// is as long as they add up to.
func packedStrings(content []byte, name string) ([]string, error) {
	var lengths []uint64
	rest, sum := content, uint64(0)
	for uint64(len(rest)) != sum || len(lengths) == 0 {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(content)) {
			return nil, fmt.Errorf("%w: constant %s", ErrNoPlan, name)
		}
		lengths = append(lengths, n)
		rest, sum = rest[size:], sum+n
	}
	out := make([]string, len(lengths))
	for i, n := range lengths {
		out[i], rest = string(rest[:n]), rest[n:]
	}
	return out, nil
}

func (x nodeIndex) constInput(n *node_def_go_proto.NodeDef, i int) (*node_def_go_proto.NodeDef, error) {
	if i >= len(n.Input) {
		return nil, fmt.Errorf("%w: %s has no input %d", ErrNoPlan, n.Name, i)
	}
	name, _ := inputRef(n.Input[i])
	c := x[name]
	for c != nil && c.Op == "Identity" && len(c.Input) > 0 {
		name, _ = inputRef(c.Input[0])
		c = x[name]
	}
	if c == nil || c.Op != "Const" || c.Attr["value"].GetTensor() == nil {
		return nil, fmt.Errorf("%w: input %d of %s is not a constant", ErrNoPlan, i, n.Name)
	}
	return c, nil
}

// int32Input reads a scalar int32 Const.
func (x nodeIndex) int32Input(n *node_def_go_proto.NodeDef, i int) (int, error) {
	c, err := x.constInput(n, i)
	if err != nil {
		return 0, err
	}
	t := c.Attr["value"].GetTensor()
	switch {
	case len(t.IntVal) == 1:
		return int(t.IntVal[0]), nil
	case len(t.TensorContent) == 4:
		return int(int32(binary.LittleEndian.Uint32(t.TensorContent))), nil
	case len(t.IntVal) == 0 && len(t.TensorContent) == 0:
		return 0, nil
	}
	return 0, fmt.Errorf("%w: constant %s", ErrNoPlan, c.Name)
}

// dataInputs leaves out the control inputs.
func dataInputs(n *node_def_go_proto.NodeDef) []string {
	for i, in := range n.Input {
		if strings.HasPrefix(in, "^") {
			return n.Input[:i]
		}
	}
	return n.Input
}

func isSave(n *node_def_go_proto.NodeDef) bool {
	return n.Op == "SaveV2" || n.Op == "SaveSlices" || n.Op == "Save"
}

func isRestore(n *node_def_go_proto.NodeDef) bool {
	return n.Op == "RestoreV2" || n.Op == "RestoreSlice" || n.Op == "Restore"
}

// planSave reads what the nodes behind the save tensor write.
func (x nodeIndex) planSave(saveTensor string) (*savePlan, error) {
	start, _ := inputRef(saveTensor)
	p := &savePlan{shards: 1}
	found := 0
	for _, n := range x.reach(start, isSave) {
		if n.Op == "MergeV2Checkpoints" {
			p.merge = n.Device
		}
		if !isSave(n) {
			continue
		}
		found++
		version := checkpoint.V1
		if n.Op == "SaveV2" {
			version = checkpoint.V2
		}
		if found > 1 && version != p.version {
			return nil, fmt.Errorf("%w: it saves in two formats", ErrNoPlan)
		}
		p.version = version
		if err := x.addSave(p, n); err != nil {
			return nil, err
		}
	}
	if found == 0 || found != p.shards {
		return nil, fmt.Errorf("%w: %d save nodes for %d files behind %s", ErrNoPlan, found, p.shards, saveTensor)
	}
	// TensorFlow's node writes its tensors in the order of their names.
	sort.SliceStable(p.tensors, func(i, j int) bool {
		a, b := p.tensors[i], p.tensors[j]
		if a.shard != b.shard {
			return a.shard < b.shard
		}
		return a.name < b.name
	})
	return p, nil
}

func (x nodeIndex) addSave(p *savePlan, n *node_def_go_proto.NodeDef) error {
	shard := 0
	in := dataInputs(n)
	if len(in) < 3 {
		return fmt.Errorf("%w: %s has %d inputs", ErrNoPlan, n.Name, len(in))
	}
	file, _ := inputRef(in[0])
	if f := x[file]; f != nil && f.Op == "ShardedFilename" {
		var err error
		if shard, err = x.int32Input(f, 1); err != nil {
			return err
		}
		if p.shards, err = x.int32Input(f, 2); err != nil {
			return err
		}
		if shard < 0 || shard >= p.shards {
			return fmt.Errorf("%w: shard %d of %d", ErrNoPlan, shard, p.shards)
		}
	}
	names, err := x.strings(n, 1)
	if err != nil {
		return err
	}
	values := in[2:]
	specs := make([]string, len(names))
	if n.Op != "Save" {
		values = in[3:]
		if specs, err = x.strings(n, 2); err != nil {
			return err
		}
	}
	if len(names) != len(values) || len(specs) != len(values) {
		return fmt.Errorf("%w: %s has %d names for %d tensors", ErrNoPlan, n.Name, len(names), len(values))
	}
	for i, source := range values {
		p.tensors = append(p.tensors, savedTensor{
			name: names[i], spec: specs[i], source: source, shard: shard, node: n.Name, device: n.Device, aliases: x.aliases(source),
		})
	}
	return nil
}

// aliases reports whether a fetch of the tensor may show later assignments.
// Only a read of a resource variable is known to be a snapshot.
func (x nodeIndex) aliases(tensor string) bool {
	for range 16 {
		name, _ := inputRef(tensor)
		n := x[name]
		if n == nil {
			return true
		}
		switch n.Op {
		case "ReadVariableOp", "Const", "LookupTableExport", "LookupTableExportV2":
			return false
		case "Identity", "Enter", "RefIdentity":
			if len(n.Input) == 0 {
				return true
			}
			tensor = n.Input[0]
		default:
			return true
		}
	}
	return true
}
