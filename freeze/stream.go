package freeze

import (
	"bufio"
	"context"
	"fmt"
	"io"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

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

// chunk is how much of a weight is in memory at a time.
const chunk = 1 << 20

var deterministic = proto.MarshalOptions{Deterministic: true}

// constHeader encodes all of a Const node that comes before the bytes of its
// value: fields are written in the order of their numbers, and the value is
// the last field at every level.
func constHeader(name string, ref *valueRef) ([]byte, error) {
	open := func(field protowire.Number, inner []byte, rest int64) []byte {
		b := protowire.AppendTag(nil, field, protowire.BytesType)
		return append(protowire.AppendVarint(b, uint64(int64(len(inner))+rest)), inner...)
	}
	tensorHead, err := deterministic.Marshal(&tensorpb.TensorProto{Dtype: ref.dtype, TensorShape: shapeProto(ref.shape)})
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
	node, err := deterministic.Marshal(&nodepb.NodeDef{Name: name, Op: "Const", Attr: map[string]*attrpb.AttrValue{"dtype": typeAttr(ref.dtype)}})
	if err != nil {
		return nil, err
	}
	return open(graphNode, append(node, b...), ref.bytes), nil
}

// tail is the graph without its nodes: library and versions, which follow the nodes.
func (p *Plan) tail() *graphpb.GraphDef {
	t := &graphpb.GraphDef{Library: p.graph.Library}
	copyVersions(t, p.graph)
	return t
}

// inlineStrings reads the values of string variables: their size is not known before.
func (p *Plan) inlineStrings(ctx context.Context) error {
	for _, n := range p.graph.Node {
		ref := p.values[n.Name]
		if ref == nil || ref.dtype != typeString {
			continue
		}
		s, err := ref.strings(ctx, p.src)
		if err != nil {
			return fmt.Errorf("freeze: value of %q: %w", n.Name, err)
		}
		n.Attr = constNode(n.Name, &tensorpb.TensorProto{Dtype: ref.dtype, TensorShape: shapeProto(ref.shape), StringVal: s}).Attr
		delete(p.values, n.Name)
	}
	return nil
}

// size is the length of the frozen graph as a file.
func (p *Plan) size() int64 {
	total := int64(proto.Size(p.tail()))
	for _, n := range p.graph.Node {
		if ref := p.values[n.Name]; ref != nil {
			head, err := constHeader(n.Name, ref)
			if err != nil {
				continue // the same error comes back from WriteTo
			}
			total += int64(len(head)) + ref.bytes
			continue
		}
		s := proto.Size(n)
		total += int64(protowire.SizeTag(graphNode) + protowire.SizeBytes(s))
	}
	return total
}

// WriteTo streams the frozen graph, a binary GraphDef, to w. The same plan
// writes the same bytes each time. done, when not nil, is told now and then how
// many bytes were written.
func (p *Plan) WriteTo(ctx context.Context, w io.Writer, done func(n int64)) (int64, error) {
	count := &counter{w: w, done: done}
	bw := bufio.NewWriterSize(count, 64<<10)
	buf := make([]byte, chunk)
	var scratch []byte
	for _, n := range p.graph.Node {
		if err := ctx.Err(); err != nil {
			return count.n, err
		}
		if ref := p.values[n.Name]; ref != nil {
			if err := p.writeConst(ctx, bw, n.Name, ref, buf); err != nil {
				return count.n, err
			}
			continue
		}
		scratch = protowire.AppendTag(scratch[:0], graphNode, protowire.BytesType)
		scratch = protowire.AppendVarint(scratch, uint64(proto.Size(n)))
		var err error
		if scratch, err = deterministic.MarshalAppend(scratch, n); err != nil {
			return count.n, fmt.Errorf("freeze: node %q: %w", n.Name, err)
		}
		if _, err := bw.Write(scratch); err != nil {
			return count.n, err
		}
	}
	tail, err := deterministic.Marshal(p.tail())
	if err != nil {
		return count.n, fmt.Errorf("freeze: function library: %w", err)
	}
	if _, err := bw.Write(tail); err != nil {
		return count.n, err
	}
	err = bw.Flush()
	return count.n, err
}

func (p *Plan) writeConst(ctx context.Context, w *bufio.Writer, name string, ref *valueRef, buf []byte) error {
	head, err := constHeader(name, ref)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	r, err := ref.open(ctx, p.src)
	if err != nil {
		return fmt.Errorf("freeze: value of %q: %w", name, err)
	}
	defer r.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf)
	if err != nil {
		return fmt.Errorf("freeze: value of %q: %w", name, err)
	}
	if n != ref.bytes {
		return fmt.Errorf("freeze: value of %q: %w", name, io.ErrUnexpectedEOF)
	}
	return nil
}

// WriteFile writes the frozen graph to a file, all of it or nothing: it
// appears under its name when it is complete and synced. done is as in [Plan.WriteTo].
func (p *Plan) WriteFile(ctx context.Context, path string, done func(n int64)) (int64, error) {
	f, err := vfs.CreateAtomic(vfs.OS, path)
	if err != nil {
		return 0, fmt.Errorf("freeze: %w", err)
	}
	defer f.Close()
	n, err := p.WriteTo(ctx, f, done)
	if err == nil {
		err = f.Commit(true)
	}
	if err != nil {
		return n, fmt.Errorf("freeze: writing %s: %w", path, err)
	}
	return n, nil
}

// GraphDef builds the frozen graph in memory.
func (p *Plan) GraphDef(ctx context.Context) (*graphpb.GraphDef, error) {
	g := &graphpb.GraphDef{}
	copyVersions(g, p.graph)
	if p.graph.Library != nil {
		g.Library = proto.Clone(p.graph.Library).(*functionpb.FunctionDefLibrary)
	}
	for _, n := range p.graph.Node {
		ref := p.values[n.Name]
		if ref == nil {
			g.Node = append(g.Node, proto.Clone(n).(*nodepb.NodeDef))
			continue
		}
		r, err := ref.open(ctx, p.src)
		if err != nil {
			return nil, fmt.Errorf("freeze: value of %q: %w", n.Name, err)
		}
		data := make([]byte, ref.bytes)
		_, err = io.ReadFull(r, data)
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("freeze: value of %q: %w", n.Name, err)
		}
		g.Node = append(g.Node, constNode(n.Name, &tensorpb.TensorProto{Dtype: ref.dtype, TensorShape: shapeProto(ref.shape), TensorContent: data}))
	}
	return g, nil
}

type counter struct {
	w    io.Writer
	n    int64
	done func(int64)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	if c.done != nil {
		c.done(c.n)
	}
	return n, err
}
