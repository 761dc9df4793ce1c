package freeze

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	protobuf "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/filenames"
)

// FromCheckpoint plans the freezing of a checkpoint by the meta graph that
// was saved beside it. path is a prefix, a V1 file or pattern, or a directory,
// whose newest checkpoint is taken. Without Options.Outputs the output is
// taken if there is exactly one likely one. Close the plan when it is written.
func FromCheckpoint(ctx context.Context, path string, o *Options) (*Plan, error) {
	r, err := dir.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	return closing(r, func() (*Plan, error) {
		meta := dir.MetaGraphPath(r.Prefix(), "")
		mg, err := graphdef.ReadMetaGraphDef(meta, nil)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w (no meta graph lies beside the checkpoint; give the graph as a file of its own)", err)
		}
		if err != nil {
			return nil, err
		}
		return fromMeta(mg, r, o)
	})
}

// FromMetaGraph plans the freezing of a meta graph file with the values of a checkpoint.
func FromMetaGraph(ctx context.Context, meta, ckpt string, o *Options) (*Plan, error) {
	mg, err := graphdef.ReadMetaGraphDef(meta, nil)
	if err != nil {
		return nil, err
	}
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return nil, err
	}
	return closing(r, func() (*Plan, error) { return fromMeta(mg, r, o) })
}

// FromGraph plans the freezing of a GraphDef file, text or binary, with the values of a checkpoint.
func FromGraph(ctx context.Context, graph, ckpt string, o *Options) (*Plan, error) {
	def, err := graphdef.ReadGraphDef(graph)
	if err != nil {
		return nil, err
	}
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return nil, err
	}
	return closing(r, func() (*Plan, error) {
		o, err := withOutputs(o, def, nil)
		if err != nil {
			return nil, err
		}
		return newPlan(def, r, o, nil)
	})
}

// FromSavedModel plans the freezing of the graph of a SavedModel that has
// exactly the given tags; with no tags, of its only graph, or of the one
// tagged "serve".
func FromSavedModel(ctx context.Context, folder string, tags []string, o *Options) (*Plan, error) {
	sm, err := graphdef.ReadSavedModel(folder)
	if err != nil {
		return nil, err
	}
	mg, err := pickGraph(sm, tags)
	if err != nil {
		return nil, err
	}
	prefix := filenames.SavedModelPrefix(folder)
	if !dir.Exists(ctx, prefix) && !hasVariables(mg.GetGraphDef().GetNode()) {
		o, err := withOutputs(o, mg.GraphDef, mg.SignatureDef)
		if err != nil {
			return nil, err
		}
		return newPlan(mg.GraphDef, nil, o, nil)
	}
	r, err := checkpoint.Open(ctx, prefix, nil)
	if err != nil {
		return nil, err
	}
	return closing(r, func() (*Plan, error) {
		o, err := withOutputs(o, mg.GraphDef, mg.SignatureDef)
		if err != nil {
			return nil, err
		}
		if o.SaverDef == nil {
			c := *o
			c.SaverDef = mg.SaverDef
			o = &c
		}
		return newPlan(mg.GraphDef, r, o, objectAliases(mg))
	})
}

// closing runs plan and gives it the reader to close, or closes it on an error.
func closing(r *checkpoint.Reader, plan func() (*Plan, error)) (*Plan, error) {
	p, err := plan()
	if err != nil {
		r.Close()
		return nil, err
	}
	p.closer = r
	return p, nil
}

func fromMeta(mg *protobuf.MetaGraphDef, r *checkpoint.Reader, o *Options) (*Plan, error) {
	o, err := withOutputs(o, mg.GraphDef, mg.SignatureDef)
	if err != nil {
		return nil, err
	}
	if o.SaverDef == nil {
		c := *o
		c.SaverDef = mg.SaverDef
		o = &c
	}
	return newPlan(mg.GraphDef, r, o, nil)
}

// withOutputs fills the outputs in where there is one likely choice.
func withOutputs(o *Options, def *graphpb.GraphDef, signatures map[string]*protobuf.SignatureDef) (*Options, error) {
	if o == nil {
		o = &Options{}
	}
	if len(o.Outputs) > 0 {
		return o, nil
	}
	names := SuggestOutputs(def, signatures)
	if len(names) == 1 || len(names) > 0 && len(signatureOutputs(signatures)) > 0 {
		c := *o
		c.Outputs = names
		return &c, nil
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w, and the graph has no likely ones; name the nodes to keep", ErrNoOutputs)
	}
	if len(names) > 12 {
		names = append(names[:12:12], "…")
	}
	return nil, fmt.Errorf("%w; likely ones are %s", ErrNoOutputs, strings.Join(names, ", "))
}

// pickGraph finds the graph of a SavedModel by its tags.
func pickGraph(sm *protobuf.SavedModel, tags []string) (*protobuf.MetaGraphDef, error) {
	if len(tags) == 0 && len(sm.GetMetaGraphs()) > 1 {
		tags = []string{"serve"}
	}
	mg, err := graphdef.FindMetaGraph(sm, tags)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknownNode, err)
	}
	return mg, nil
}

// objectAliases maps the names of variables to the keys that TensorFlow 2
// saves them under: an object-based checkpoint knows the path to an object,
// and the object the name of its variable.
func objectAliases(mg *protobuf.MetaGraphDef) map[string]string {
	objects := mg.GetObjectGraphDef().GetNodes()
	if len(objects) == 0 {
		return nil
	}
	aliases := map[string]string{}
	type at struct {
		node int32
		path string
	}
	seen := map[int32]bool{0: true}
	queue := []at{{0, ""}}
	for len(queue) > 0 {
		cur := queue[0]
		queue = queue[1:]
		if cur.node < 0 || int(cur.node) >= len(objects) {
			continue
		}
		o := objects[cur.node]
		if v := o.GetVariable(); v != nil && v.Name != "" {
			if _, ok := aliases[v.Name]; !ok {
				aliases[v.Name] = strings.TrimPrefix(cur.path, "/") + "/.ATTRIBUTES/VARIABLE_VALUE"
			}
		}
		for _, c := range o.Children {
			if !seen[c.NodeId] {
				seen[c.NodeId] = true
				queue = append(queue, at{c.NodeId, cur.path + "/" + escapeLocal(c.LocalName)})
			}
		}
	}
	return aliases
}

// escapeLocal writes a name as TensorFlow does within a checkpoint key.
func escapeLocal(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, ".", ".."), "/", ".S")
}

// ReadSaverDef reads a SaverDef file, text or binary.
func ReadSaverDef(path string) (*protobuf.SaverDef, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("freeze: %w", err)
	}
	sd := &protobuf.SaverDef{}
	if proto.Unmarshal(data, sd) == nil && sd.RestoreOpName != "" {
		return sd, nil
	}
	sd = &protobuf.SaverDef{}
	if err := prototext.Unmarshal(data, sd); err != nil {
		return nil, fmt.Errorf("freeze: %s is no SaverDef, neither binary nor text: %w", path, err)
	}
	return sd, nil
}
