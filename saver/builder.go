package saver

import (
	"cmp"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// Only this file makes save and restore nodes. Names, order, attributes and devices are
// those of python/training/saver.py in TensorFlow 2.21, for each combination of options.
// Nothing else may rely on them, because graphs of other versions have other nodes.

// build adds the nodes for the saveables, which are sorted by name, and describes them.
func build(g *tf.Graph, items []*item, o *Options) (*graphdef.SaverDef, error) {
	n := openScope(g, o.Name)
	n.reshape = o.Reshape
	b := &builder{Nodes: n, version: o.writeVersion()}

	filename, err := b.filename(o.filename())
	if err != nil {
		return nil, err
	}
	var save tf.Output
	var restore *tf.Operation
	if o.Sharded {
		save, restore, err = b.sharded(filename, items)
	} else {
		save, restore, err = b.whole(filename, items)
	}
	if err != nil {
		return nil, err
	}
	return &graphdef.SaverDef{
		FilenameTensorName:        graphbuild.TensorName(filename),
		SaveTensorName:            graphbuild.TensorName(save),
		RestoreOpName:             restore.Name(),
		MaxToKeep:                 int32(o.maxToKeep()),
		Sharded:                   o.Sharded,
		KeepCheckpointEveryNHours: float32(o.keepEvery().Hours()),
		Version:                   for_core_protos_go_proto.SaverDef_CheckpointFormatVersion(b.version),
	}, nil
}

type builder struct {
	*Nodes
	version checkpoint.Version
}

// item is a saveable for which nodes are being added.
type item struct {
	Saveable
	specs []Spec
}

// filename adds the tensor that a session feeds with the path. It is called Const
// because it was a constant in early versions of TensorFlow.
func (b *builder) filename(value string) (tf.Output, error) {
	name := b.free("filename")
	in, err := b.constant(name+"/input", graphbuild.Scalar(value), "")
	if err != nil {
		return tf.Output{}, err
	}
	for _, placeholder := range []string{"filename", "Const"} {
		o, err := b.add(b.free(placeholder), tf.OpSpec{
			Type: "PlaceholderWithDefault", Input: []tf.Input{in},
			Attrs: map[string]any{"shape": tf.MakeShape()},
		})
		if err != nil {
			return tf.Output{}, err
		}
		in = o.Output(0)
	}
	return in, nil
}

func (b *builder) whole(filename tf.Output, items []*item) (save tf.Output, restore *tf.Operation, err error) {
	if save, err = b.saveTo(filename, items, ""); err != nil {
		return
	}
	restore, err = b.restoreFrom(filename, items, "", "restore_all")
	return
}

// shard has the items that are saved from one device.
type shard struct {
	device string
	items  []*item
}

func (b *builder) sharded(filename tf.Output, items []*item) (save tf.Output, restore *tf.Operation, err error) {
	shards, err := b.byDevice(items)
	if err != nil {
		return save, nil, err
	}
	if b.version == checkpoint.V1 {
		save, err = b.saveShardsV1(filename, shards)
	} else {
		save, err = b.saveShardsV2(filename, shards)
	}
	if err != nil {
		return save, nil, err
	}
	var restores []*tf.Operation
	for _, s := range shards {
		r, err := b.restoreFrom(filename, s.items, s.device, "restore_shard")
		if err != nil {
			return save, nil, err
		}
		restores = append(restores, r)
	}
	restore, err = b.group("restore_all", restores)
	return save, restore, err
}

// byDevice groups items by canonical device name. The shards are sorted by that name.
func (b *builder) byDevice(items []*item) ([]shard, error) {
	groups := map[string][]*item{}
	for _, it := range items {
		device, err := b.deviceOf(it)
		if err != nil {
			return nil, err
		}
		groups[device] = append(groups[device], it)
	}
	shards := make([]shard, 0, len(groups))
	for device, items := range groups {
		shards = append(shards, shard{device, items})
	}
	slices.SortFunc(shards, func(a, b shard) int { return cmp.Compare(a.device, b.device) })
	return shards, nil
}

func (b *builder) deviceOf(it *item) (string, error) {
	if v, ok := it.Saveable.(*variable); ok {
		return canonicalDevice(v.target.Op.Device()), nil
	}
	specs, err := b.specsOf(it)
	if err != nil {
		return "", err
	}
	for _, s := range specs[1:] {
		if s.device() != specs[0].device() {
			return "", fault(tfkeep.ErrArgument, "the tensors of saveable %s are on several devices", it.Name())
		}
	}
	return specs[0].device(), nil
}

// specsOf returns the specs of a saveable, which it calls Specs for once. For variables
// that is when their save node is made, because Specs may add reads before it.
func (b *builder) specsOf(it *item) ([]Spec, error) {
	if it.specs == nil {
		specs, err := it.Specs(b.Nodes)
		if err != nil {
			return nil, err
		}
		if len(specs) == 0 {
			return nil, fault(tfkeep.ErrArgument, "saveable %s has no tensors to save", it.Name())
		}
		it.specs = specs
	}
	return it.specs, nil
}

// nodeArgs are the arguments of one save or restore node.
type nodeArgs struct {
	names, slices []string
	tensors       tf.OutputList
	dtypes        []tf.DataType
}

func (b *builder) argsOf(items []*item) (nodeArgs, error) {
	var a nodeArgs
	for _, it := range items {
		specs, err := b.specsOf(it)
		if err != nil {
			return a, err
		}
		for _, s := range specs {
			a.names = append(a.names, s.Name)
			a.slices = append(a.slices, s.Slice)
			a.tensors = append(a.tensors, s.Tensor)
			a.dtypes = append(a.dtypes, s.dtype())
		}
	}
	return a, nil
}

// saveTo adds the node that writes one file. It returns a tensor with the file's name,
// which is available once the file is written.
func (b *builder) saveTo(filename tf.Output, items []*item, device string) (tf.Output, error) {
	args, err := b.argsOf(items)
	if err != nil {
		return tf.Output{}, err
	}
	kind, name, slices := "SaveV2", "SaveV2", "shape_and_slices"
	if b.version == checkpoint.V1 {
		kind, name, slices = "SaveSlices", "save", "shapes_and_slices"
	}
	full := b.free(name)
	names, err := b.constant(full+"/tensor_names", graphbuild.Vector(args.names), device)
	if err != nil {
		return tf.Output{}, err
	}
	specs, err := b.constant(full+"/"+slices, graphbuild.Vector(args.slices), device)
	if err != nil {
		return tf.Output{}, err
	}
	op, err := b.add(full, tf.OpSpec{
		Type: kind, Input: []tf.Input{filename, names, specs, args.tensors},
		Device: device,
	})
	if err != nil {
		return tf.Output{}, err
	}
	return b.identityAfter(filename, []*tf.Operation{op})
}

// restoreFrom adds the node that reads a file and the nodes that assign its tensors.
func (b *builder) restoreFrom(filename tf.Output, items []*item, device, groupName string) (*tf.Operation, error) {
	args, err := b.argsOf(items)
	if err != nil {
		return nil, err
	}
	cpu := onCPU0(device)
	full := b.free("RestoreV2")
	names, err := b.constant(full+"/tensor_names", graphbuild.Vector(args.names), cpu)
	if err != nil {
		return nil, err
	}
	specs, err := b.constant(full+"/shape_and_slices", graphbuild.Vector(args.slices), cpu)
	if err != nil {
		return nil, err
	}
	read, err := b.add(full, tf.OpSpec{
		Type: "RestoreV2", Input: []tf.Input{filename, names, specs},
		Attrs: map[string]any{"dtypes": args.dtypes}, Device: cpu,
	})
	if err != nil {
		return nil, err
	}
	var assigns []*tf.Operation
	next := 0
	for _, it := range items {
		restored := make([]tf.Output, len(it.specs))
		for i := range restored {
			restored[i] = read.Output(next)
			next++
		}
		assign, err := it.Restore(b.Nodes, restored)
		if err != nil {
			return nil, err
		}
		assigns = append(assigns, assign)
	}
	return b.group(groupName, assigns)
}

// group adds a NoOp that waits for ops, as TensorFlow's control_flow_ops.group does.
func (b *builder) group(name string, ops []*tf.Operation) (*tf.Operation, error) {
	nodes := graphbuild.New(b.g, "")
	group := nodes.Group(b.free(name), ops...)
	return group, nodes.Err()
}
