package freeze

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/filenames"
)

// FromCheckpoint plans the freezing of a checkpoint with the meta graph that was saved
// beside it. path is a prefix, a V1 file or pattern, or a directory, which stands for
// its newest checkpoint. Close the plan when it is written.
func FromCheckpoint(ctx context.Context, path string, o *Options) (*Plan, error) {
	r, err := dir.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	meta := dir.MetaGraphPath(r.Prefix(), "")
	mg, err := graphdef.ReadMetaGraphDef(meta, nil)
	if errors.Is(err, tfkeep.ErrNotFound) {
		err = &tfkeep.Error{Op: "freeze", Path: r.Prefix(), Err: tfkeep.ErrNotFound, Cause: err,
			Detail: "no meta graph is beside the checkpoint; give the graph as a file of its own"}
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return fromMetaGraph(ctx, mg, r, o, nil)
}

// FromMetaGraph plans the freezing of a meta graph file, text or binary, with the values
// of a checkpoint.
func FromMetaGraph(ctx context.Context, meta, ckpt string, o *Options) (*Plan, error) {
	mg, err := graphdef.ReadMetaGraphDef(meta, nil)
	if err != nil {
		return nil, err
	}
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return nil, err
	}
	return fromMetaGraph(ctx, mg, r, o, nil)
}

// FromGraph plans the freezing of a GraphDef file, text or binary, with the values of a
// checkpoint.
func FromGraph(ctx context.Context, graph, ckpt string, o *Options) (*Plan, error) {
	def, err := graphdef.ReadGraphDef(graph)
	if err != nil {
		return nil, err
	}
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return nil, err
	}
	return fromMetaGraph(ctx, &graphdef.MetaGraphDef{GraphDef: def}, r, o, nil)
}

// FromSavedModel plans the freezing of a graph of a SavedModel, which Options.Tags
// choose.
func FromSavedModel(ctx context.Context, folder string, o *Options) (*Plan, error) {
	if o == nil {
		o = &Options{}
	}
	sm, err := graphdef.ReadSavedModel(folder)
	if err != nil {
		return nil, err
	}
	tags := o.Tags
	if len(tags) == 0 && len(sm.GetMetaGraphs()) > 1 {
		tags = []string{"serve"}
	}
	mg, err := graphdef.FindMetaGraph(sm, tags)
	if err != nil {
		if e, ok := errors.AsType[*tfkeep.Error](err); ok {
			e.Path = folder
		}
		return nil, err
	}
	prefix := filenames.SavedModelPrefix(folder)
	if !hasVariables(mg.GetGraphDef().GetNode()) && !dir.Exists(ctx, prefix) {
		return fromMetaGraph(ctx, mg, nil, o, nil)
	}
	r, err := checkpoint.Open(ctx, prefix, nil)
	if err != nil {
		return nil, err
	}
	return fromMetaGraph(ctx, mg, r, o, objectAliases(mg))
}

// fromMetaGraph plans the freezing of a meta graph with the values of r, which may be
// nil. The plan closes r; if there is an error, r is closed at once.
func fromMetaGraph(ctx context.Context, mg *graphdef.MetaGraphDef, r *checkpoint.Reader, o *Options, aliases map[string]string) (*Plan, error) {
	completed, err := o.completed(mg)
	if r == nil {
		if err != nil {
			return nil, err
		}
		return newPlan(ctx, mg.GetGraphDef(), nil, completed, aliases)
	}
	var p *Plan
	if err == nil {
		p, err = newPlan(ctx, mg.GetGraphDef(), r, completed, aliases)
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	p.closer = r
	return p, nil
}

// completed returns a copy of o with a SaverDef and outputs, if it has none: the saver of
// the meta graph, and the outputs where there is one likely choice.
func (o *Options) completed(mg *graphdef.MetaGraphDef) (*Options, error) {
	c := Options{}
	if o != nil {
		c = *o
	}
	if c.SaverDef == nil {
		c.SaverDef = mg.SaverDef
	}
	if len(c.Outputs) > 0 {
		return &c, nil
	}
	names := SuggestOutputs(mg.GetGraphDef(), mg.SignatureDef)
	switch {
	case len(names) == 0:
		return nil, noOutputs("the graph has no likely ones; name the nodes to keep")
	case len(names) == 1 || len(signatureOutputs(mg.SignatureDef)) > 0:
		c.Outputs = names
		return &c, nil
	case len(names) > maxLikely:
		names = append(names[:maxLikely:maxLikely], "…")
	}
	return nil, noOutputs("likely ones are " + strings.Join(names, ", "))
}

// maxLikely is how many likely outputs an error lists.
const maxLikely = 12

// objectAliases maps the names of variables to the keys under which TensorFlow 2 saves
// them: an object-based checkpoint has the path to an object, and the object has the name
// of its variable. Python does not make these names unique: every tf.Variable without a
// name is called "Variable". A name that several variables have is not in the map, because
// it does not say whose value is wanted.
func objectAliases(mg *graphdef.MetaGraphDef) map[string]string {
	objects := mg.GetObjectGraphDef().GetNodes()
	if len(objects) == 0 {
		return nil
	}
	aliases := map[string]string{}
	owner := map[string]int32{}
	shared := map[string]bool{}
	type step struct {
		node int32
		path string
	}
	seen := map[int32]bool{0: true}
	queue := []step{{0, ""}}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at.node < 0 || int(at.node) >= len(objects) {
			continue
		}
		object := objects[at.node]
		if name := object.GetVariable().GetName(); name != "" {
			if first, taken := owner[name]; taken && first != at.node {
				shared[name] = true
			} else {
				owner[name] = at.node
				aliases[name] = strings.TrimPrefix(at.path, "/") + "/.ATTRIBUTES/VARIABLE_VALUE"
			}
		}
		for _, c := range object.Children {
			if !seen[c.NodeId] {
				seen[c.NodeId] = true
				queue = append(queue, step{c.NodeId, fmt.Sprintf("%s/%s", at.path, escapeLocal(c.LocalName))})
			}
		}
	}
	// In the graph such variables are "w", "w_1", and so on.
	maps.DeleteFunc(aliases, func(name, _ string) bool { return shared[name] || shared[uniqueSuffix.ReplaceAllString(name, "")] })
	return aliases
}

var uniqueSuffix = regexp.MustCompile(`_\d+$`)

// escapeLocal writes a name as TensorFlow does in the keys of a checkpoint.
func escapeLocal(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, ".", ".."), "/", ".S")
}
