package saver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/internal/vfs/memfs"
	"github.com/tfkeep/tfkeep/tf"
)

// Before the first run of a step, TensorFlow compares each of its feeds and fetches with each
// node of the graph. With thousands of variables that takes longer than everything else, so
// that their values do not travel as feeds and fetches. The graph's own SaveV2 and RestoreV2
// take one feed, the name of a file, and here they write and read a file in the memory of
// this process: TensorFlow calls it "ram://…". Go writes the checkpoint from what it finds
// there, and puts there what it has read and verified, so that a restore is all or nothing as
// ever.

var (
	// manyTensors is the number of tensors from which that is faster.
	manyTensors = 1000
	// maxThroughMemory bounds the bytes that are copied that way.
	maxThroughMemory int64 = 256 << 20
)

// ramFiles reads and writes files of TensorFlow's "ram://", in a session of its own. Writing
// to such a file appends to what it has, and no operation removes one; but SaveV2 and
// MergeV2Checkpoints rename their files, which replaces others and takes away the old names.
type ramFiles struct {
	sess           *tf.Session
	path, contents tf.Output // fed
	read           tf.Output
	write          *tf.Operation
	// saves is the prefix that the graph saves to, and restores the one that it restores
	// from. emptySaves writes a small checkpoint in place of that of saves, and
	// removeRestores does so for restores and moves that to saves.
	saves, restores            string
	emptySaves, removeRestores *tf.Operation
}

// ramNumber numbers the Savers of a process.
var ramNumber atomic.Int64

func newRAMFiles() (*ramFiles, error) {
	g := tf.NewGraph()
	folder := fmt.Sprintf("ram://tfkeep/%d/", ramNumber.Add(1))
	files := &ramFiles{saves: folder + "saves", restores: folder + "restores"}
	b := graphbuild.New(g, "")
	placeholder := func() tf.Output {
		return graphbuild.First(b.Op("Placeholder", map[string]any{"dtype": dtype.String, "shape": tf.MakeShape()}))
	}
	constant := func(v *graphdef.AttrValue) tf.Output { return b.ConstOf(b.Unique("Const"), v) }
	files.path, files.contents = placeholder(), placeholder()
	files.read = b.Value("ReadFile", "ReadFile", files.path)
	files.write = b.Op("WriteFile", nil, files.path, files.contents)
	saves := constant(graphbuild.Scalar(files.saves))
	empty := func(prefix tf.Output) *tf.Operation {
		return b.Op("SaveV2", nil, prefix, constant(graphbuild.Vector([]string{"empty"})), constant(graphbuild.Vector([]string{""})),
			tf.OutputList{constant(graphbuild.Scalar(int32(0)))})
	}
	files.emptySaves = empty(saves)
	emptied := empty(constant(graphbuild.Scalar(files.restores))) // first: a move takes time for each tensor
	files.removeRestores = b.After(emptied).Op("MergeV2Checkpoints", map[string]any{"delete_old_dirs": false}, constant(graphbuild.Vector([]string{files.restores})), saves)
	if err := b.Err(); err != nil {
		return nil, err
	}
	// The session needs no GPU, and must not take memory of one.
	var err error
	files.sess, err = tf.NewSession(g, &tf.SessionOptions{DeviceCount: map[string]int32{"GPU": 0}, DisableGrappler: true})
	return files, err
}

func (r *ramFiles) close() {
	if r != nil {
		_ = r.sess.Close()
	}
}

// put writes a file that does not exist.
func (r *ramFiles) put(ctx context.Context, path string, data []byte) error {
	name, err := tf.NewTensor(path)
	if err != nil {
		return err
	}
	defer tf.Release(name)
	contents, err := capi.NewStrings([]int64{}, [][]byte{data})
	if err != nil {
		return err
	}
	defer tf.Release(contents)
	_, err = r.sess.Run(ctx, map[tf.Output]*tf.Tensor{r.path: name, r.contents: contents}, nil, []*tf.Operation{r.write}, nil)
	return err
}

func (r *ramFiles) get(ctx context.Context, path string) ([]byte, error) {
	name, err := tf.NewTensor(path)
	if err != nil {
		return nil, err
	}
	defer tf.Release(name)
	got, err := r.sess.Run(ctx, map[tf.Output]*tf.Tensor{r.path: name}, []tf.Output{r.read}, nil, nil)
	if err != nil {
		return nil, err
	}
	defer tf.Release(got...)
	texts, err := capi.Strings(got[0])
	if err != nil {
		return nil, err
	}
	return texts[0], nil
}

// inMemory is the prefix of a checkpoint in a memfs.FS.
const inMemory = "m"

// checkpointFiles returns the names of the files of a checkpoint with one shard.
func checkpointFiles(prefix string) []string {
	return []string{filenames.Index(prefix), filenames.Data(prefix, 0, 1)}
}

// withRAM calls f with the files of this Saver, and then runs the operation that clean returns,
// which frees the memory of the files. If that fails, the next call gets other files.
func (n *saverNodes) withRAM(clean func(*ramFiles) *tf.Operation, f func(*ramFiles) error) (err error) {
	if n.ram == nil {
		if n.ram, err = newRAMFiles(); err != nil {
			return err
		}
	}
	ram := n.ram
	err = f(ram)
	if e := ram.sess.RunOps(context.Background(), clean(ram)); e != nil {
		ram.close()
		n.ram = nil
	}
	return err
}

func emptySaves(r *ramFiles) *tf.Operation     { return r.emptySaves }
func removeRestores(r *ramFiles) *tf.Operation { return r.removeRestores }

// plainFileNode reports whether a SaveV2 or RestoreV2 needs nothing but the name of the file,
// which is fed, constants, and the tensors that it saves: running it runs nothing else.
func plainFileNode(byName map[string]*graphdef.NodeDef, n *graphdef.NodeDef, filename string) bool {
	in := n.GetInput()
	if len(in) < 3 || len(nodedef.DataInputs(n)) != len(in) || in[0] != filename && in[0]+":0" != filename {
		return false
	}
	for _, name := range in[1:3] {
		c := byName[nodedef.NodeName(name)]
		if c.GetOp() != "Const" || len(c.GetInput()) > 0 {
			return false
		}
	}
	return true
}

// readPlainNodes finds whether the plans can be run through memory.
func (n *saverNodes) readPlainNodes(def *graphdef.GraphDef) {
	saves := n.saveErr == nil && len(n.save.Tensors) >= manyTensors && !n.save.V1 && n.save.Shards == 1 && !n.def.GetSharded()
	restores := n.loadErr == nil && len(n.load) >= manyTensors
	if !saves && !restores {
		return
	}
	byName := make(map[string]*graphdef.NodeDef, len(def.GetNode()))
	for _, node := range def.GetNode() {
		byName[node.GetName()] = node
	}
	filename := n.def.GetFilenameTensorName()
	plain := func(name, op string) bool {
		node := byName[name]
		return node.GetOp() == op && plainFileNode(byName, node, filename)
	}
	if saves {
		name := n.save.Tensors[0].Node
		if plain(name, "SaveV2") && smallInAll(n.sources) && !slices.ContainsFunc(n.save.Tensors, func(t savergraph.Saved) bool { return t.Node != name }) {
			n.plainSave = n.g.Operation(name)
		}
	}
	checked := map[string]bool{}
	n.plainRestore = restores && !slices.ContainsFunc(n.load, func(t savergraph.Restored) bool {
		if _, ok := checked[t.Node]; !ok {
			checked[t.Node] = plain(t.Node, "RestoreV2")
		}
		return !checked[t.Node] || t.Slice != "" || t.Func != "" || t.DType != dtype.String && dtype.Size(t.DType) == 0
	})
}

// smallInAll reports whether tensors have a known size, and few bytes together.
func smallInAll(tensors []tf.Output) bool {
	var total int64
	for _, o := range tensors {
		size := staticBytes(o)
		if total += size; size < 0 || total > maxThroughMemory {
			return false
		}
	}
	return true
}

// fetchThroughMemory takes the values that the save node writes. They are copies.
func (t *localTransport) fetchThroughMemory(ctx context.Context, plan *savergraph.SavePlan) (values, error) {
	files := memfs.New()
	err := t.nodes.withRAM(emptySaves, func(ram *ramFiles) error {
		if err := t.nodes.runOnFile(ctx, t.sess, ram.saves, []*tf.Operation{t.nodes.plainSave}); err != nil {
			return err
		}
		for i, path := range checkpointFiles(ram.saves) {
			data, err := ram.get(ctx, path)
			if err != nil {
				return err
			}
			files.Put(checkpointFiles(inMemory)[i], data)
		}
		return nil
	})
	if err != nil {
		return nil, explainRun(err)
	}
	snap, err := t.nodes.savedValues(ctx, files, plan)
	if err != nil {
		return nil, err
	}
	return snap, nil
}

// savedValues reads a checkpoint as the save plan wants it written.
func (n *saverNodes) savedValues(ctx context.Context, files *memfs.FS, plan *savergraph.SavePlan) (_ *snapshot, err error) {
	r, err := checkpoint.Open(vfs.NewContext(ctx, files), inMemory, nil)
	if err != nil {
		return nil, err
	}
	defer closeInto(&err, r.Close)
	snap := &snapshot{shards: plan.Shards, held: make([]*tf.Tensor, len(plan.Tensors))}
	for _, planned := range plan.Tensors {
		value, err := savedValue(ctx, r, &planned)
		if err == nil {
			err = n.checkSaved(&planned, value.DType, value.Shape)
		}
		if err != nil {
			return nil, &tfkeep.Error{Item: "tensor", Name: planned.Key, Cause: err}
		}
		snap.total += int64(len(value.Data))
		snap.tensors = append(snap.tensors, value)
	}
	return snap, nil
}

// savedValue reads a tensor as the save plan wants it written.
func savedValue(ctx context.Context, r *checkpoint.Reader, t *savergraph.Saved) (c checkpoint.Tensor, err error) {
	info, ok := r.Lookup(t.Key)
	if !ok {
		return c, fault(tfkeep.ErrNotFound, "the save node did not write it")
	}
	c = checkpoint.Tensor{Name: t.Key, Shard: t.Shard, DType: info.DType, Shape: info.Shape}
	if t.Slice != "" {
		if _, c.Slice, err = checkpoint.ParseSliceSpec(t.Slice); err != nil {
			return c, err
		}
	}
	if info.DType == dtype.String {
		c.Strings, err = r.ReadStrings(ctx, t.Key, c.Slice)
	} else {
		c.Data, err = r.ReadBytes(ctx, t.Key, c.Slice)
	}
	return c, err
}

// explainRun is explainFetch for a run of all save nodes. It names the variable that
// TensorFlow names: finding the others takes a run for each few of them, whose preparation
// takes long.
func explainRun(err error) error {
	var one *tf.UninitializedError
	if errors.As(err, &one) {
		return one
	}
	return fmt.Errorf("read the variables: %w", err)
}

// runOnFile runs operations whose save or restore nodes use a file.
func (n *saverNodes) runOnFile(ctx context.Context, sess *tf.Session, path string, targets []*tf.Operation) error {
	feed, err := tf.NewTensor(path)
	if err != nil {
		return err
	}
	defer tf.Release(feed)
	_, err = sess.Run(ctx, map[tf.Output]*tf.Tensor{n.filename: feed}, nil, targets, runOnFileOptions)
	return err
}

// runOnFileOptions runs all operations in the calling thread: each takes less time than waking
// another thread.
var runOnFileOptions = &tf.RunOptions{Proto: &for_core_protos_go_proto.RunOptions{InterOpThreadPool: -1}}

// assignThroughMemory reads all values, and has the restore nodes take them from a file in
// memory. If the values cannot go that way, done is false, and nothing was assigned.
func (t *localTransport) assignThroughMemory(ctx context.Context, l *load, fitting []savergraph.Restored) (done bool, err error) {
	if !t.nodes.plainRestore || l.opts.Mapped {
		return false, nil
	}
	values, total := l.valuesToRead(fitting)
	if values == nil || total > maxThroughMemory {
		return false, nil
	}
	targets := []*tf.Operation{t.nodes.restore}
	if len(fitting) < len(l.plan) {
		if targets, err = assignments(t.nodes.g, fitting); err != nil {
			return false, err
		}
	}
	if err := l.readValues(ctx, values, total); err != nil {
		return false, err
	}
	err = t.nodes.withRAM(removeRestores, func(ram *ramFiles) error {
		if err := ram.putCheckpoint(ctx, values); err != nil {
			return err
		}
		done = true
		return t.nodes.runOnFile(ctx, t.sess, ram.restores, targets)
	})
	if err != nil && !done {
		return false, ctx.Err() // a TensorFlow without such files: the values are fed
	}
	return done, err
}

// restoredValue is a tensor on its way to the restore nodes.
type restoredValue struct {
	checkpoint.Tensor        // under the name that the graph restores
	key               string // in the source; "" for a tensor that nothing takes
}

// valuesToRead returns all tensors that the restore nodes read, without their data. It
// returns nil if the nodes restore one name in two ways. Nodes read the tensors that are not
// restored too; these are small ones of the right type.
func (l *load) valuesToRead(fitting []savergraph.Restored) (values []restoredValue, total int64) {
	keys := make(map[string]string, len(fitting)) // by output
	for i := range fitting {
		keys[fitting[i].Output] = fitting[i].Key
	}
	values = make([]restoredValue, 0, len(l.plan))
	added := make(map[string]int, len(l.plan)) // of values, by key
	for i := range l.plan {
		t := &l.plan[i]
		v := restoredValue{Tensor: checkpoint.Tensor{Name: t.Key, DType: t.DType}, key: keys[t.Output]}
		if v.key != "" {
			info, _ := l.source.Lookup(v.key)
			v.DType, v.Shape = info.DType, info.Shape
			total += info.Bytes
		}
		if at, ok := added[t.Key]; !ok {
			added[t.Key] = len(values)
			values = append(values, v)
		} else if other := &values[at]; other.key != v.key || other.DType != v.DType {
			return nil, 0
		}
	}
	return values, total
}

// readValues reads the data of the tensors.
func (l *load) readValues(ctx context.Context, values []restoredValue, total int64) error {
	reader, together := l.source.(*checkpoint.Reader)
	var names []string // those that are read together
	var rest, places []int
	for i := range values {
		v := &values[i]
		switch {
		case v.key == "" && v.DType == dtype.String:
			v.Strings = [][]byte{nil}
		case v.key == "":
			v.Data = make([]byte, dtype.Size(v.DType))
		case together && v.DType != dtype.String:
			names, places = append(names, v.key), append(places, i)
		default:
			rest = append(rest, i)
		}
	}
	if len(names) > 0 {
		data, err := reader.ReadMany(ctx, names)
		if err != nil {
			return err
		}
		for n, i := range places {
			values[i].Data = data[n]
		}
	}
	err := parallel.Each(ctx, len(rest), l.workers(), func(ctx context.Context, n int) (err error) {
		v := &values[rest[n]]
		if v.DType == dtype.String {
			v.Strings, err = l.source.ReadStrings(ctx, v.key, nil)
		} else {
			v.Data, err = sources.Read(ctx, l.source, v.key, nil)
		}
		return err
	})
	if err == nil && l.opts.Progress != nil {
		l.opts.Progress(total, total)
	}
	return err
}

// putCheckpoint writes a checkpoint with values.
func (r *ramFiles) putCheckpoint(ctx context.Context, values []restoredValue) error {
	files := memfs.New()
	w, err := checkpoint.Create(vfs.NewContext(ctx, files), inMemory, &checkpoint.WriterOptions{NoSync: true})
	if err != nil {
		return err
	}
	defer w.Close()
	tensors := make([]checkpoint.Tensor, len(values))
	for i := range values {
		tensors[i] = values[i].Tensor
	}
	if err := w.Add(ctx, tensors...); err != nil {
		return err
	}
	if err := w.Commit(ctx); err != nil {
		return err
	}
	for i, path := range checkpointFiles(r.restores) {
		if err := r.put(ctx, path, files.Bytes(checkpointFiles(inMemory)[i])); err != nil {
			return err
		}
	}
	return nil
}
