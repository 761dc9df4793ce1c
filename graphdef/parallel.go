package graphdef

import (
	"context"
	"runtime"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/internal/parallel"
)

// worthSplitting is the size from which a graph's nodes are parsed by several
// goroutines: below it starting them costs more than it saves.
const worthSplitting = 1 << 20

// unmarshal is proto.Unmarshal with the nesting limit. The graph of a large
// MetaGraphDef, which is nearly all of it, is parsed in parts at the same time.
func unmarshal(data []byte, m proto.Message) error {
	opts := proto.UnmarshalOptions{RecursionLimit: maxNesting}
	mg, ok := m.(*MetaGraphDef)
	if !ok || len(data) < worthSplitting {
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

// unmarshalNodes parses a serialized GraphDef: runs of its fields, each a
// GraphDef by itself, on all processors, joined in order. Joining messages is
// what protocol buffers define for bytes that follow each other.
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

// cut cuts serialized fields into about n runs of whole fields. What cannot be
// cut stays in the last run, for the parser to complain about.
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

// splitOff takes the one field num, a message, out of serialized fields: it
// gives its content and the other fields. Without that field, with several of
// it, or where data is damaged, content is nil.
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
