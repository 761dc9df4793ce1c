package inference

import (
	"fmt"
	"sort"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/graphdef/edit"
)

// Options for [Optimize].
type Options struct {
	// Inputs, when given, are the nodes that will be fed: what leads to them
	// goes, and they become placeholders.
	Inputs []string
	// Outputs are the nodes to keep. Required.
	Outputs []string
	// Constants fixes boolean placeholders, such as is_training, by name.
	Constants map[string]bool
	// KeepBatchNorms leaves batch normalisations as they are.
	KeepBatchNorms bool
	// KeepTrainingNodes leaves Identity, StopGradient and CheckNumerics nodes.
	KeepTrainingNodes bool
}

// Report tells what [Optimize] did.
type Report struct {
	Before, After int // nodes
	Constants     []string
	Folded        []Folded
}

// Optimize prepares a frozen graph for inference, as TensorFlow's
// optimize_for_inference: placeholders that were fixed become constants, what
// the outputs do not need goes, Identity chains and checks go, and batch
// normalisations go into the weights before them.
func Optimize(def *graphpb.GraphDef, o *Options) (*graphpb.GraphDef, *Report, error) {
	if o == nil || len(o.Outputs) == 0 {
		return nil, nil, fmt.Errorf("inference: no output nodes named; say which nodes to keep")
	}
	r := &Report{Before: len(def.Node)}
	var err error
	if def, r.Constants, err = PlaceholdersToConstants(def, o.Constants); err != nil {
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
	if !o.KeepTrainingNodes {
		def = edit.RemoveTraining(def, o.Outputs)
	}
	if !o.KeepBatchNorms {
		def, r.Folded = FoldBatchNorms(def, o.Outputs)
	}
	r.After = len(def.Node)
	return def, r, nil
}

// PlaceholdersToConstants turns boolean placeholders, with or without a
// default, into constants. It returns the names of those it changed, and an
// error that lists the names that are no boolean placeholders.
func PlaceholdersToConstants(def *graphpb.GraphDef, values map[string]bool) (*graphpb.GraphDef, []string, error) {
	if len(values) == 0 {
		return def, nil, nil
	}
	g := open(def, nil)
	var done, bad []string
	for name, v := range values {
		n := g.byName[nodeOf(name)]
		if n == nil || !strings.HasPrefix(n.Op, "Placeholder") || n.Attr["dtype"].GetType() != typespb.DataType_DT_BOOL {
			bad = append(bad, name)
			continue
		}
		t := &tensorpb.TensorProto{Dtype: typespb.DataType_DT_BOOL, TensorShape: &shapepb.TensorShapeProto{}, BoolVal: []bool{v}}
		g.replace(n.Name, &nodepb.NodeDef{Name: n.Name, Op: "Const", Device: n.Device, Attr: map[string]*attrpb.AttrValue{
			"dtype": {Value: &attrpb.AttrValue_Type{Type: typespb.DataType_DT_BOOL}},
			"value": {Value: &attrpb.AttrValue_Tensor{Tensor: t}},
		}})
		done = append(done, n.Name)
	}
	if sort.Strings(bad); len(bad) > 0 {
		return nil, nil, fmt.Errorf("inference: not boolean placeholders of the graph: %s", strings.Join(bad, ", "))
	}
	sort.Strings(done)
	return g.def, done, nil
}
