package safety

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// AssetDef names the file of an asset and the tensor that is fed with its path.
type AssetDef = for_core_protos_go_proto.AssetFileDef

// Plan says what is run, and when, of a graph of a SavedModel or of a ".meta" file.
type Plan struct {
	mg     *graphdef.MetaGraphDef
	init   string
	assets []*AssetDef
}

// NewPlan reads which operations a graph names for its initialization, and which assets it
// has. The error is a tfkeep.ErrCorrupt, or an
// ErrUnsafe for a tensor that stands for two assets.
func NewPlan(mg *graphdef.MetaGraphDef) (*Plan, error) {
	p := &Plan{mg: mg}
	var err error
	if p.init, err = initOp(mg); err != nil {
		return nil, err
	}
	p.assets, err = assetDefs(mg)
	return p, err
}

// InitOp returns the operation that initializes the model, or "": that of the signature of
// TensorFlow 2, the main op, or the legacy init op, whichever is there first.
func (p *Plan) InitOp() string { return p.init }

// Assets returns the assets, each once, in the order of their tensors in the graph.
func (p *Plan) Assets() []*AssetDef { return p.assets }

// Initialization returns the run that initializes the model. It is nil if there is none.
func (p *Plan) Initialization() *Run {
	if p.init == "" {
		return nil
	}
	r := &Run{Stage: "initialization", Doing: "initializing the model", Targets: []string{p.init}}
	for _, a := range p.assets {
		r.Assets = append(r.Assets, a.GetTensorInfo().GetName())
	}
	return r
}

// Restore returns the run that restores the variables. It is nil if there is none. The
// values that restore nodes of the graph would read are fed. Functions may read the
// checkpoint themselves, as those of TensorFlow 2 do.
func (p *Plan) Restore() *Run {
	def := p.mg.GetSaverDef()
	if def.GetRestoreOpName() == "" {
		return nil
	}
	restored, err := savergraph.New(p.mg.GetGraphDef()).Restore(def.GetRestoreOpName())
	if err != nil { // in a form that only TensorFlow can run
		return &Run{Stage: "restore", Doing: "restoring the variables", Targets: []string{def.GetRestoreOpName()}, Checkpoint: def.GetFilenameTensorName()}
	}
	return RestoreRun(def, restored)
}

// RestoreRun returns the run of a Saver that feeds restored, the values of the restore
// nodes.
func RestoreRun(def *graphdef.SaverDef, restored []savergraph.Restored) *Run {
	r := &Run{Stage: "restore", Doing: "restoring the variables", Targets: []string{def.GetRestoreOpName()}}
	for _, t := range restored {
		r.Fed = append(r.Fed, t.Output)
	}
	return r
}

// Signature returns the run of a signature that a user calls.
func (p *Plan) Signature(key string) *Run {
	sig := p.mg.GetSignatureDef()[key]
	r := &Run{Stage: "signature " + key, Doing: "running signature " + key, Call: true}
	for _, in := range sig.GetInputs() {
		r.Fed = append(r.Fed, signature.TensorNames(in)...)
	}
	for _, out := range sig.GetOutputs() {
		r.Targets = append(r.Targets, signature.TensorNames(out)...)
	}
	return r
}

// Signatures returns the runs of all signatures, sorted by their keys, and of the training
// step.
func (p *Plan) Signatures() []*Run {
	var runs []*Run
	for _, key := range slices.Sorted(maps.Keys(p.mg.GetSignatureDef())) {
		if key != modeldir.InitOpKey {
			runs = append(runs, p.Signature(key))
		}
	}
	if names := p.mg.GetCollectionDef()[modeldir.TrainOpCollection].GetNodeList().GetValue(); len(names) > 0 {
		runs = append(runs, &Run{Stage: "training", Doing: "running the training step", Call: true, Targets: names})
	}
	return runs
}

// Findings returns everything that would run of a graph and is refused: at import, at
// restore, at the initialization, and in signatures. o has the ops that may run, and the limits.
// o may be nil. What is too large is a finding too.
func (p *Plan) Findings(o *ImportOptions) []Finding {
	if o == nil {
		o = &ImportOptions{}
	}
	g := p.mg.GetGraphDef()
	var found []Finding
	add := func(stage string, err error) {
		var e *Error
		var large *tfkeep.Error
		switch {
		case errors.As(err, &e):
			found = append(found, e.Findings...)
		case errors.As(err, &large):
			f := Finding{Stage: stage, Node: large.Name, Reason: large.Detail}
			for _, n := range nodedef.AllNodes(g) {
				if n.GetName() == f.Node {
					f.Op = n.GetOp()
				}
			}
			found = append(found, f)
		}
	}
	add("import", CheckImport(g, o))
	for _, r := range []*Run{p.Restore(), p.Initialization()} {
		if r != nil {
			r.Allow, r.Limits = o.Allow, o.Limits
			if r.Limits == nil {
				r.Limits = &check.Limits{}
			}
			add(r.Stage, r.Check(g))
		}
	}
	for _, r := range p.Signatures() {
		r.Allow = o.Allow
		add(r.Stage, r.Check(g))
	}
	return found
}

func initOp(mg *graphdef.MetaGraphDef) (string, error) {
	if name := mg.GetSignatureDef()[modeldir.InitOpKey].GetOutputs()[modeldir.InitOpKey].GetName(); name != "" {
		return name, nil
	}
	for _, key := range []string{modeldir.MainOpCollection, modeldir.LegacyInitCollection} {
		names := mg.GetCollectionDef()[key].GetNodeList().GetValue()
		if len(names) > 1 {
			return "", &tfkeep.Error{Op: "read model", Item: "collection", Name: key, Err: tfkeep.ErrCorrupt,
				Detail: fmt.Sprintf("it has %d init ops instead of one: %s", len(names), strings.Join(names, ", "))}
		}
		if len(names) == 1 {
			return names[0], nil
		}
	}
	return "", nil
}

// assetDefs returns the assets of a graph, from their field or from the collection that
// builders before TensorFlow 2 write. TensorFlow's table initializers list their file a
// second time.
func assetDefs(mg *graphdef.MetaGraphDef) ([]*AssetDef, error) {
	listed := mg.GetAssetFileDef()
	if len(listed) == 0 {
		for _, a := range mg.GetCollectionDef()[modeldir.AssetsCollection].GetAnyList().GetValue() {
			def := &AssetDef{}
			if err := proto.Unmarshal(a.GetValue(), def); err != nil {
				return nil, &tfkeep.Error{Op: "read model", Item: "collection", Name: modeldir.AssetsCollection, Err: tfkeep.ErrCorrupt, Cause: err}
			}
			listed = append(listed, def)
		}
	}
	var defs []*AssetDef
	files := map[string]string{} // by tensor
	for _, def := range listed {
		tensor := tensorName(def.GetTensorInfo().GetName())
		if file, ok := files[tensor]; !ok {
			files[tensor] = def.GetFilename()
			defs = append(defs, def)
		} else if file != def.GetFilename() {
			return nil, &tfkeep.Error{Op: "read model", Item: "asset", Name: def.GetFilename(), Err: tfkeep.ErrUnsafe,
				Detail: fmt.Sprintf("tensor %s is listed with the file %q, too", tensor, file)}
		}
	}
	return defs, nil
}
