package offline

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// The kinds of failure, for errors.Is.
var (
	// ErrExists: the export folder has something in it.
	ErrExists = tfkeep.ErrExists
	// ErrArgument: an option that cannot be met, such as a tensor that the graph lacks.
	ErrArgument = errors.New("offline: invalid argument")
)

// Options describe a model to be made.
type Options struct {
	// Tags of its graph; nil means "serve".
	Tags []string
	// Inputs and Outputs of its signature: from the name in the signature to a
	// tensor of the graph ("x:0", or "x" for its first output). Required.
	Inputs, Outputs map[string]string
	// Key of the signature; "" means "serving_default".
	Key string
	// Text writes saved_model.pbtxt and not saved_model.pb.
	Text bool
	// Manifest adds a list of all files with their checksums.
	Manifest bool
	// ClearDevices forgets the devices of the nodes.
	ClearDevices bool
}

// FromFrozen makes a model of a graph without variables at dir, in one step.
// It returns the path of the file with the graph.
func FromFrozen(ctx context.Context, def *graphdef.GraphDef, dir string, o *Options) (string, error) {
	for _, n := range def.GetNode() {
		switch n.Op {
		case "Variable", "VariableV2", "VarHandleOp":
			return "", fmt.Errorf("%w: the graph has the variable %q, so it is not frozen; freeze it, or use FromCheckpoint", ErrArgument, n.Name)
		}
	}
	mg := &graphdef.MetaGraphDef{GraphDef: def, MetaInfoDef: &graphdef.MetaInfoDef{
		StrippedOpList: opdef.StrippedList(def, nil)}}
	return write(ctx, mg, dir, o, func(string) error { return nil })
}

// FromCheckpoint makes a model of a checkpoint at dir, in one step. meta is
// the meta graph file; "" takes the one beside the checkpoint. Checkpoints of
// the old format are converted.
func FromCheckpoint(ctx context.Context, ckpt, meta, folder string, o *Options) (string, error) {
	r, err := dir.Open(ctx, ckpt, nil)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if meta == "" {
		meta = dir.MetaGraphPath(r.Prefix(), "")
	}
	mg, err := graphdef.ReadMetaGraphDef(meta, nil)
	if err != nil {
		return "", err
	}
	if mg.SaverDef == nil {
		return "", fmt.Errorf("%w: %s has no SaverDef, so no loader could restore its variables; freeze it instead", ErrArgument, meta)
	}
	return write(ctx, mg, folder, o, func(to string) error {
		_, err := convert.Convert(ctx, r.Prefix(), to, &convert.Options{To: convert.V2})
		return err
	})
}

func write(ctx context.Context, mg *graphdef.MetaGraphDef, dir string, o *Options, fill func(dir string) error) (string, error) {
	if o == nil {
		o = &Options{}
	}
	sig, err := SignatureOf(mg.GraphDef, o.Inputs, o.Outputs)
	if err != nil {
		return "", err
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
	if mg.SignatureDef == nil {
		mg.SignatureDef = map[string]*graphdef.SignatureDef{}
	}
	mg.SignatureDef[key] = sig
	st, err := modeldir.Begin(dir)
	if err != nil {
		return "", fmt.Errorf("offline: %w", err)
	}
	defer st.Close()
	variables := st.Path(modeldir.VariablesDir)
	if err := os.Mkdir(variables, 0o755); err != nil {
		return "", fmt.Errorf("offline: %w", err)
	}
	if err := fill(filepath.Join(variables, modeldir.VariablesName)); err != nil {
		return "", err
	}
	name := graphdef.SavedModelFile
	if o.Text {
		name = graphdef.SavedModelTextFile
	}
	sm := &graphdef.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*graphdef.MetaGraphDef{mg}}
	if err := graphdef.Write(st.Path(name), sm, &graphdef.WriteOptions{Text: o.Text}); err != nil {
		return "", err
	}
	if o.Manifest {
		if err := modeldir.WriteManifest(ctx, st.Path()); err != nil {
			return "", fmt.Errorf("offline: manifest: %w", err)
		}
	}
	if err := st.Commit(); err != nil {
		return "", fmt.Errorf("offline: %w", err)
	}
	return filepath.Join(dir, name), nil
}
