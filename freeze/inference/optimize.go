package inference

import (
	"slices"
	"strings"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze/inference/internal/decide"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Options configures [Optimize].
type Options struct {
	// Inputs, if not empty, are the nodes that will be fed. They become placeholders, and
	// the nodes that only they need are removed.
	Inputs []string
	// Outputs are the nodes to keep. Required.
	Outputs []string
	// Constants are the fixed values of boolean placeholders, such as is_training, by name.
	Constants map[string]bool
	// KeepBatchNorms leaves batch normalizations as they are.
	KeepBatchNorms bool
	// KeepTrainingNodes leaves Identity, StopGradient and CheckNumerics nodes.
	KeepTrainingNodes bool
}

// Report describes what [Optimize] did.
type Report struct {
	Before, After int      // number of nodes
	Constants     []string // placeholders that became constants, sorted
	Folded        []Folded
}

// Optimize prepares a frozen graph for inference, as TensorFlow's optimize_for_inference
// does: placeholders with a fixed value become constants, what the outputs do not need is
// removed, chains of Identity nodes and checks are removed, and batch normalizations go
// into the weights before them.
//
// TensorFlow's tool stops at a conditional. Optimize also keeps one branch of each Select,
// Switch, If and Case whose predicate is computed from constants alone, such as a fixed
// placeholder. For that it puts the bodies of called functions into the graph.
//
// The error is a tfkeep.ErrArgument if no output is named or a name in Constants is not a
// boolean placeholder, and a tfkeep.ErrNotFound for nodes that the graph lacks.
func Optimize(def *graphdef.GraphDef, o *Options) (*graphdef.GraphDef, *Report, error) {
	if o == nil || len(o.Outputs) == 0 {
		return nil, nil, &tfkeep.Error{Op: "optimize", Err: tfkeep.ErrArgument,
			Detail: "no output nodes named; name the nodes to keep in Options.Outputs"}
	}
	r := &Report{Before: len(def.GetNode())}
	var err error
	if def, r.Constants, err = fixPlaceholders(def, o.Constants); err != nil {
		return nil, nil, err
	}
	if len(o.Inputs) > 0 {
		def, err = edit.StripUnused(def, o.Inputs, o.Outputs, nil)
	} else {
		def, err = edit.Extract(def, o.Outputs)
	}
	if err != nil {
		return nil, nil, err
	}
	if !o.KeepTrainingNodes || !o.KeepBatchNorms || len(o.Constants) > 0 {
		def = decide.Graph(def, o.Outputs)
	}
	if !o.KeepTrainingNodes {
		def = edit.RemoveTraining(def, o.Outputs)
	}
	if !o.KeepBatchNorms {
		def, r.Folded = foldBatchNorms(def, o.Outputs)
	}
	r.After = len(def.Node)
	return def, r, nil
}

// fixPlaceholders turns boolean placeholders, with or without a default, into constants.
// It returns the sorted names of the nodes that it changed. The error is a
// tfkeep.ErrArgument that lists the names that are not boolean placeholders.
func fixPlaceholders(def *graphdef.GraphDef, values map[string]bool) (*graphdef.GraphDef, []string, error) {
	if len(values) == 0 {
		return def, nil, nil
	}
	g := newGraph(def, nil)
	var fixed, bad []string
	for name, v := range values {
		n := g.byName[nodedef.NodeName(name)]
		if n == nil || !strings.HasPrefix(n.Op, "Placeholder") || n.Attr["dtype"].GetType() != dtype.Bool {
			bad = append(bad, name)
			continue
		}
		k := nodedef.Const(n.Name, &tensorpb.TensorProto{Dtype: dtype.Bool, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, BoolVal: []bool{v}})
		k.Device = n.Device
		g.replace(n.Name, k)
		fixed = append(fixed, n.Name)
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return nil, nil, &tfkeep.Error{Op: "fix placeholders", Err: tfkeep.ErrArgument,
			Detail: "not boolean placeholders of the graph: " + strings.Join(bad, ", ")}
	}
	slices.Sort(fixed)
	return g.def, fixed, nil
}
