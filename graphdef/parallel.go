package graphdef

import (
	"context"
	"runtime"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/internal/parallel"
)

// minSplit is the size in bytes from which several goroutines parse a graph's nodes.
// Below it, starting them costs more than it saves.
const minSplit = 1 << 20

// unmarshal is proto.Unmarshal with the nesting limit. It parses a large graph, and the
// graph of a large MetaGraphDef, in parts concurrently.
func unmarshal(data []byte, m proto.Message) error {
	opts := proto.UnmarshalOptions{RecursionLimit: maxNesting}
	mg, ok := m.(*MetaGraphDef)
	if !ok || len(data) < minSplit {
		return opts.Unmarshal(data, m)
	}
	graph, rest := splitOff(data, 2)
	if graph == nil {
		return opts.Unmarshal(data, m)
	}
	if err := opts.Unmarshal(rest, mg); err != nil {
		return err
	}
	g, err := unmarshalNodes(graph, proto.UnmarshalOptions{RecursionLimit: maxNesting - 1})
	mg.GraphDef = g
	return err
}

// unmarshalNodes parses a serialized GraphDef on all processors: it cuts the bytes into
// runs of whole fields, each of which is a GraphDef by itself, and merges these in order.
// By the rules of protocol buffers the bytes of messages that follow each other are the
// merged message.
func unmarshalNodes(data []byte, opts proto.UnmarshalOptions) (*GraphDef, error) {
	parts := cut(data, runtime.GOMAXPROCS(0))
	graphs := make([]*GraphDef, len(parts))
	err := parallel.Each(context.Background(), len(parts), len(parts), func(_ context.Context, i int) error {
		graphs[i] = &GraphDef{}
		return opts.Unmarshal(parts[i], graphs[i])
	})
	if err != nil {
		return nil, err
	}
	whole := &GraphDef{}
	var nodes []*NodeDef
	for _, g := range graphs {
		nodes = append(nodes, g.Node...)
		g.Node = nil
		proto.Merge(whole, g)
	}
	whole.Node = nodes
	return whole, nil
}

// cut cuts serialized fields into about n runs of whole fields. Damaged bytes stay in the
// last run, for which the parser returns the error.
func cut(data []byte, n int) [][]byte {
	var parts [][]byte
	size := len(data)/n + 1
	for start, end := 0, 0; start < len(data); start = end {
		for end < len(data) && end-start < size {
			_, _, field := protowire.ConsumeField(data[end:])
			if field < 0 {
				end = len(data)
				break
			}
			end += field
		}
		parts = append(parts, data[start:end])
	}
	return parts
}

// splitOff returns the content of the only field num, a message, in serialized fields,
// and the other fields. content is nil if there is no such field, if there are several,
// or if data is damaged.
func splitOff(data []byte, num protowire.Number) (content, rest []byte) {
	for at := 0; at < len(data); {
		n, typ, size := protowire.ConsumeField(data[at:])
		if size < 0 { // damaged
			return nil, nil
		}
		field := data[at : at+size]
		at += size
		if n != num {
			rest = append(rest, field...)
			continue
		}
		if content != nil || typ != protowire.BytesType {
			return nil, nil
		}
		_, _, tag := protowire.ConsumeTag(field)
		content, _ = protowire.ConsumeBytes(field[tag:])
	}
	return content, rest
}
