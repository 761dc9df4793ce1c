package saver

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/tf"
)

// maxGraphBytes is the size up to which a serialized graph is kept for the next
// save. Beyond it are graphs with large constants, which nobody wants in memory
// twice.
const maxGraphBytes = 64 << 20

// metaCache keeps the part of a ".meta" file that takes long to make: the graph,
// serialized, and its description. It is the same from save to save until somebody
// adds to the graph. Only one save at a time uses it.
type metaCache struct {
	graph    []byte // the fields meta_info_def and graph_def; nil if there is none
	revision tf.Revision
	stripped bool
}

// metaGraph returns the content of the ".meta" file of a save.
func (s *Saver) metaGraph(o *SaveOptions) ([]byte, error) {
	graph, err := s.metas.graphPart(s.g, o.StripDefaultAttrs)
	if err != nil {
		return nil, err
	}
	// An item of a collection may have changed since the last save: these are
	// written anew.
	rest, err := tf.ExportMetaGraph(s.g, &tf.ExportMetaGraphOptions{GraphDef: new(graphdef.GraphDef), SaverDef: s.def})
	if err != nil {
		return nil, err
	}
	rest.MetaInfoDef, rest.GraphDef = nil, nil
	// Messages one behind the other are the message with the fields of all, and
	// these are in the order of the fields: it reads as if written at once.
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(slices.Clip(graph), rest)
}

// graphPart returns the fields of the graph as it is now.
func (c *metaCache) graphPart(g *tf.Graph, strip bool) ([]byte, error) {
	// What is added while the graph is exported makes the next save do it again.
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
	if err == nil && len(graph) <= maxGraphBytes {
		c.graph, c.revision, c.stripped = graph, revision, strip
	}
	return graph, err
}
