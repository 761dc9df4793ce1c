package offline

import (
	"context"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Options describe a model to make.
type Options struct {
	// Tags of its graph; nil means "serve".
	Tags []string
	// Inputs and Outputs of its signature, at least one of each: from the name in the
	// signature to a tensor of the graph ("x:0", or "x" for its first output).
	Inputs, Outputs map[string]string
	// Key of the signature; "" means "serving_default".
	Key string
	// MetaGraph is the meta graph file for FromCheckpoint; "" means the one beside
	// the checkpoint.
	MetaGraph string
	// Text writes saved_model.pbtxt instead of saved_model.pb.
	Text bool
	// Manifest adds a list of all files with their checksums.
	Manifest bool
	// ClearDevices removes the devices of the nodes.
	ClearDevices bool
}

// FromFrozen makes a model from a graph without variables, in the folder target and in one
// step. It returns the path of the graph file.
//
// A graph with variables, a tensor that the graph lacks, and a signature without inputs
// or outputs are a tfkeep.ErrArgument. A target that is not empty is a tfkeep.ErrExists.
func FromFrozen(ctx context.Context, def *graphdef.GraphDef, target string, o *Options) (string, error) {
	if err := argcheck.Context(ctx, "make model", target); err != nil {
		return "", err
	}
	for _, n := range def.GetNode() {
		if nodedef.IsVariableOp(n.Op) {
			return "", &tfkeep.Error{Op: "make model", Path: target, Item: "node", Name: n.Name, Err: tfkeep.ErrArgument,
				Detail: "the variable shows that the graph is not frozen; freeze it, or use FromCheckpoint"}
		}
	}
	mg := &graphdef.MetaGraphDef{GraphDef: def, MetaInfoDef: &graphdef.MetaInfoDef{StrippedOpList: opdef.StrippedList(def, nil)}}
	return writeModel(ctx, mg, target, o, nil, func(string) error { return nil })
}

// FromCheckpoint makes a model from a checkpoint and its meta graph, in the folder target
// and in one step. ckpt may be any name that dir.Open accepts. A V1 checkpoint is
// converted to V2. FromCheckpoint returns the path of the graph file. Its errors are those
// of [FromFrozen]; a meta graph without a SaverDef is a tfkeep.ErrArgument.
//
// Files that lookup tables read become assets, and what fills the tables of the graph's
// collection "table_initializer" runs when the model is loaded. A table that could not be
// filled so, such as one that a function fills, is a tfkeep.ErrUnsupported.
func FromCheckpoint(ctx context.Context, ckpt, target string, o *Options) (string, error) {
	if err := argcheck.Context(ctx, "make model", target); err != nil {
		return "", err
	}
	if o == nil {
		o = &Options{}
	}
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return "", err
	}
	defer r.Close()
	meta := o.MetaGraph
	if meta == "" {
		meta = dir.MetaGraphPath(r.Prefix(), "")
	}
	mg, err := graphdef.ReadMetaGraphDef(meta, nil)
	if err != nil {
		return "", err
	}
	if mg.SaverDef == nil {
		return "", &tfkeep.Error{Op: "make model", Path: target, Err: tfkeep.ErrArgument,
			Detail: meta + " has no SaverDef, so that no loader could restore its variables; freeze it instead"}
	}
	assets, err := addTables(mg, target)
	if err != nil {
		return "", err
	}
	return writeModel(ctx, mg, target, o, assets, func(prefix string) error {
		_, err := convert.Convert(ctx, r.Prefix(), prefix, &convert.Options{To: convert.V2})
		return err
	})
}

// writeModel writes a model with one graph. assets are the files of the model by their names
// in it. writeVariables writes its checkpoint, given the prefix.
func writeModel(ctx context.Context, mg *graphdef.MetaGraphDef, target string, o *Options, assets map[string]string, writeVariables func(prefix string) error) (string, error) {
	if o == nil {
		o = &Options{}
	}
	mg, err := withSignature(mg, o)
	if err != nil {
		return "", inModel("make model", target, err)
	}
	if err := ctx.Err(); err != nil {
		return "", &tfkeep.Error{Op: "make model", Path: target, Cause: err}
	}
	st, err := modeldir.Begin(target)
	if err != nil {
		return "", makeError(target, err)
	}
	defer st.Close()
	variables := st.Path(modeldir.VariablesDir)
	if err := os.Mkdir(variables, 0o755); err != nil {
		return "", makeError(target, err)
	}
	if err := writeVariables(filepath.Join(variables, modeldir.VariablesName)); err != nil {
		return "", makeError(target, err)
	}
	if err := copyAssets(assets, st.Path(modeldir.AssetsDir)); err != nil {
		return "", makeError(target, err)
	}
	name := modeldir.FilenamePB
	if o.Text {
		name = modeldir.FilenamePBText
	}
	sm := &graphdef.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*graphdef.MetaGraphDef{mg}}
	if err := graphdef.Write(st.Path(name), sm, &graphdef.WriteOptions{Text: o.Text}); err != nil {
		return "", makeError(target, err)
	}
	if o.Manifest {
		if err := modeldir.WriteManifest(ctx, st.Path()); err != nil {
			return "", makeError(target, err)
		}
	}
	if err := st.Commit(); err != nil {
		return "", makeError(target, err)
	}
	return filepath.Join(target, name), nil
}

// withSignature returns a copy of a meta graph with the tags and the signature that the
// options describe.
func withSignature(mg *graphdef.MetaGraphDef, o *Options) (*graphdef.MetaGraphDef, error) {
	sig, err := describeSignature("make model", mg.GraphDef, o.Inputs, o.Outputs)
	if err != nil {
		return nil, err
	}
	mg = proto.Clone(mg).(*graphdef.MetaGraphDef)
	if o.ClearDevices {
		edit.ClearDevices(mg.GraphDef)
	}
	if mg.MetaInfoDef == nil {
		mg.MetaInfoDef = &graphdef.MetaInfoDef{}
	}
	if mg.MetaInfoDef.Tags = o.Tags; len(o.Tags) == 0 {
		mg.MetaInfoDef.Tags = []string{signature.ServingTag}
	}
	key := o.Key
	if key == "" {
		key = signature.DefaultServingKey
	}
	setSignature(mg, key, sig)
	return mg, nil
}

func setSignature(mg *graphdef.MetaGraphDef, key string, sig *graphdef.SignatureDef) {
	if mg.SignatureDef == nil {
		mg.SignatureDef = map[string]*graphdef.SignatureDef{}
	}
	mg.SignatureDef[key] = sig
}

func makeError(target string, cause error) error {
	return &tfkeep.Error{Op: "make model", Path: target, Cause: cause}
}
