package saver

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/tf"
)

// maxGraphBytes is the size up to which a serialized graph is kept for the next save, and
// maxNodeBytes how large a node of a larger graph may be on average. Beyond both, the graph has
// large constants, which would be in memory twice. A graph of a million small nodes takes
// TensorFlow fifty times as much memory, and half a minute to serialize.
const (
	maxGraphBytes = 64 << 20
	maxNodeBytes  = 1 << 10
)

// worthKeeping reports whether a serialized graph is kept for the next save.
func worthKeeping(bytes, nodes int) bool {
	return bytes <= max(maxGraphBytes, maxNodeBytes*nodes)
}

// metaCache keeps the part of a ".meta" file that takes long to make: the graph,
// serialized, and its description. It is the same from save to save until somebody
// adds to the graph. Only one save at a time uses it.
type metaCache struct {
	graph    []byte // the fields meta_info_def and graph_def; or nil
	revision string
	stripped bool
}

// marshal returns the content of a ".meta" file.
func (c *metaCache) marshal(g *tf.Graph, def *graphdef.SaverDef, strip bool) ([]byte, error) {
	graph, err := c.graphPart(g, strip)
	if err != nil {
		return nil, err
	}
	// Items of collections may have changed since the last save.
	rest, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{GraphDef: new(graphdef.GraphDef), SaverDef: def})
	if err != nil {
		return nil, err
	}
	rest.MetaInfoDef, rest.GraphDef = nil, nil
	// The concatenation of messages is the message with all their fields. As these are
	// in the order of the fields, the bytes are those of one message.
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(slices.Clip(graph), rest)
}

// graphPart returns the fields of the graph as it is now.
func (c *metaCache) graphPart(g *tf.Graph, strip bool) ([]byte, error) {
	// If nodes are added while the graph is exported, the next save exports it again.
	revision, err := g.Revision()
	if err != nil {
		return nil, err
	}
	if c.graph != nil && c.revision == revision && c.stripped == strip {
		return c.graph, nil
	}
	c.graph = nil
	mg, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{StripDefaultAttrs: strip, CollectionList: []string{}})
	if err != nil {
		return nil, err
	}
	graph, err := proto.MarshalOptions{Deterministic: true}.Marshal(mg)
	if err == nil && worthKeeping(len(graph), len(mg.GetGraphDef().GetNode())) {
		c.graph, c.revision, c.stripped = graph, revision, strip
	}
	return graph, err
}
