package freeze

import (
	"bufio"
	"context"
	"fmt"
	"io"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// The field numbers on the way from a GraphDef to the bytes of a constant.
const (
	graphNode     = 1 // GraphDef.node
	nodeAttr      = 5 // NodeDef.attr, a map
	mapKey        = 1
	mapValue      = 2
	attrTensor    = 8 // AttrValue.tensor
	tensorContent = 4 // TensorProto.tensor_content
)

// chunk is the number of bytes of a weight that are in memory at a time.
const chunk = 1 << 20

var deterministic = proto.MarshalOptions{Deterministic: true}

// constHeader returns the encoding of a Const node up to the bytes of its value. Fields
// are written in the order of their numbers, so the value is the last field at every
// level.
func constHeader(name string, ref *valueRef) ([]byte, error) {
	open := func(field protowire.Number, inner []byte, rest int64) []byte {
		b := protowire.AppendTag(nil, field, protowire.BytesType)
		return append(protowire.AppendVarint(b, uint64(int64(len(inner))+rest)), inner...)
	}
	tensorHead, err := deterministic.Marshal(&tensorpb.TensorProto{Dtype: ref.dtype, TensorShape: nodedef.ShapeProto(ref.shape)})
	if err != nil {
		return nil, err
	}
	if ref.bytes > 0 {
		tensorHead = protowire.AppendTag(tensorHead, tensorContent, protowire.BytesType)
		tensorHead = protowire.AppendVarint(tensorHead, uint64(ref.bytes))
	}
	b := open(attrTensor, tensorHead, ref.bytes)
	b = open(mapValue, b, ref.bytes)
	key := protowire.AppendTag(nil, mapKey, protowire.BytesType)
	b = append(protowire.AppendString(key, "value"), b...)
	b = open(nodeAttr, b, ref.bytes)
	node, err := deterministic.Marshal(&graphdef.NodeDef{Name: name, Op: "Const", Attr: attrs{"dtype": nodedef.TypeAttr(ref.dtype)}})
	if err != nil {
		return nil, err
	}
	return open(graphNode, append(node, b...), ref.bytes), nil
}

// tail returns what follows the nodes: library and versions.
func (p *Plan) tail() *graphdef.GraphDef {
	t := &graphdef.GraphDef{Library: p.graph.Library}
	copyVersions(t, p.graph)
	return t
}

// inlineStrings reads the values of string variables, whose size is not known before.
func (p *Plan) inlineStrings(ctx context.Context) error {
	for _, n := range p.graph.Node {
		ref := p.values[n.Name]
		if ref == nil || ref.dtype != dtype.String {
			continue
		}
		s, err := p.src.ReadStrings(ctx, ref.key, ref.slice)
		if err != nil {
			return valueError(n.Name, err)
		}
		n.Attr = nodedef.Const(n.Name, &tensorpb.TensorProto{Dtype: ref.dtype, TensorShape: nodedef.ShapeProto(ref.shape), StringVal: s}).Attr
		delete(p.values, n.Name)
	}
	return nil
}

func valueError(variable string, err error) error {
	return &tfkeep.Error{Op: "freeze", Item: "value of", Name: variable, Cause: err}
}

// size returns the length of the frozen graph as a file.
func (p *Plan) size() int64 {
	total := int64(proto.Size(p.tail()))
	for _, n := range p.graph.Node {
		if ref := p.values[n.Name]; ref != nil {
			head, err := constHeader(n.Name, ref)
			if err != nil {
				continue // Write returns the same error
			}
			total += int64(len(head)) + ref.bytes
			continue
		}
		total += int64(protowire.SizeTag(graphNode) + protowire.SizeBytes(proto.Size(n)))
	}
	return total
}

// Write streams the frozen graph, a binary GraphDef of Report.Size bytes, to w. The same
// plan writes the same bytes each time.
func (p *Plan) Write(ctx context.Context, w io.Writer, o *WriteOptions) error {
	if err := p.check(ctx); err != nil {
		return err
	}
	if w == nil {
		return argcheck.Nil("freeze", "", "io.Writer")
	}
	if o != nil && o.Progress != nil {
		w = &progressWriter{w: w, total: p.report.Size, progress: o.Progress}
	}
	bw := bufio.NewWriterSize(w, 64<<10)
	buf := make([]byte, chunk)
	var scratch []byte
	for _, n := range p.graph.Node {
		if err := ctx.Err(); err != nil {
			return err
		}
		if ref := p.values[n.Name]; ref != nil {
			if err := p.writeConst(ctx, bw, n.Name, ref, buf); err != nil {
				return err
			}
			continue
		}
		scratch = protowire.AppendTag(scratch[:0], graphNode, protowire.BytesType)
		scratch = protowire.AppendVarint(scratch, uint64(proto.Size(n)))
		var err error
		if scratch, err = deterministic.MarshalAppend(scratch, n); err != nil {
			return &tfkeep.Error{Op: "freeze", Item: "node", Name: n.Name, Err: tfkeep.ErrCorrupt, Cause: err}
		}
		if _, err := bw.Write(scratch); err != nil {
			return err
		}
	}
	tail, err := deterministic.Marshal(p.tail())
	if err != nil {
		return &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrCorrupt, Detail: "the function library", Cause: err}
	}
	if _, err := bw.Write(tail); err != nil {
		return err
	}
	return bw.Flush()
}

// writeConst writes the constant that a variable became.
func (p *Plan) writeConst(ctx context.Context, w *bufio.Writer, name string, ref *valueRef, buf []byte) error {
	head, err := constHeader(name, ref)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	r, err := p.src.OpenTensor(ctx, ref.key, ref.slice)
	if err != nil {
		return valueError(name, err)
	}
	defer r.Close()
	// The structs hide ReadFrom and WriteTo, so that CopyBuffer uses buf.
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf)
	if err == nil && n != ref.bytes {
		err = &tfkeep.Error{Op: "read", Item: "tensor", Name: ref.key, Err: tfkeep.ErrMismatch,
			Detail: fmt.Sprintf("the source has %d bytes of it instead of %d", n, ref.bytes)}
	}
	if err != nil {
		return valueError(name, err)
	}
	return nil
}

// WriteFile writes the frozen graph to a file, all of it or nothing: the file appears
// when it is complete and synced.
func (p *Plan) WriteFile(ctx context.Context, path string, o *WriteOptions) error {
	if err := p.check(ctx); err != nil {
		return err
	}
	f, err := vfs.CreateAtomic(vfs.OS, path)
	if err != nil {
		return vfs.Error("write", path, err)
	}
	defer f.Close()
	f.SendEarly()
	err = p.Write(ctx, f, o)
	if err == nil {
		err = f.Commit(true)
	}
	return vfs.Error("write", path, err)
}

// GraphDef returns the frozen graph in memory.
func (p *Plan) GraphDef(ctx context.Context) (*graphdef.GraphDef, error) {
	if err := p.check(ctx); err != nil {
		return nil, err
	}
	g := &graphdef.GraphDef{}
	copyVersions(g, p.graph)
	if p.graph.Library != nil {
		g.Library = proto.Clone(p.graph.Library).(*function_go_proto.FunctionDefLibrary)
	}
	for _, n := range p.graph.Node {
		ref := p.values[n.Name]
		if ref == nil {
			g.Node = append(g.Node, proto.Clone(n).(*graphdef.NodeDef))
			continue
		}
		data := make([]byte, ref.bytes)
		if err := sources.ReadInto(ctx, p.src, ref.key, ref.slice, data); err != nil {
			return nil, valueError(n.Name, err)
		}
		g.Node = append(g.Node, nodedef.Const(n.Name, &tensorpb.TensorProto{Dtype: ref.dtype, TensorShape: nodedef.ShapeProto(ref.shape), TensorContent: data}))
	}
	return g, nil
}

// progressWriter reports how many bytes were written.
type progressWriter struct {
	w        io.Writer
	done     int64
	total    int64
	progress func(done, total int64)
}

func (p *progressWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.done += int64(n)
	p.progress(p.done, p.total)
	return n, err
}
