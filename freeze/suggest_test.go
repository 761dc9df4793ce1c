package freeze_test

import (
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
)

func TestSuggestOutputs(t *testing.T) {
	t.Parallel()
	training := linear + `
node { name: "labels" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "gradients/g" op: "Mul" input: "y" input: "labels" }
node { name: "Adam/update" op: "ApplyAdam" input: "w" input: "gradients/g" }
node { name: "save/SaveV2" op: "SaveV2" input: "w" }`
	loss := training + `
node { name: "sub" op: "Sub" input: "y" input: "labels" attr { key: "_output_shapes" value { list { shape { dim { size: -1 } } } } } }
node { name: "loss" op: "Mean" input: "sub" attr { key: "_output_shapes" value { list { shape { } } } } }`
	number := `
node { name: "x" op: "Placeholder" }
node { name: "mean" op: "Mean" input: "x" attr { key: "_output_shapes" value { list { shape { } } } } }`
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"what nothing uses", linear, []string{"y"}},
		{"without training and saving", training, []string{"y"}},
		{"before a loss", loss, []string{"y"}}, // neither the loss nor what leads from y to it
		{"a single number if there is nothing else", number, []string{"mean"}},
		{"two", linear + `node { name: "z" op: "Neg" input: "y" } node { name: "other" op: "Exp" input: "x" }`, []string{"z", "other"}},
		{"summaries and assertions do not count", linear + `node { name: "s" op: "HistogramSummary" input: "y" } node { name: "a" op: "Assert" input: "y" }`, []string{"y"}},
		{"nothing depends on a placeholder", `node { name: "y" op: "Const" }`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, freeze.SuggestOutputs(graph(t, c.text), nil))
		})
	}
}

func TestSuggestOutputsOfSignatures(t *testing.T) {
	t.Parallel()
	outputs := func(names ...string) *graphdef.SignatureDef {
		s := &graphdef.SignatureDef{Outputs: map[string]*graphdef.TensorInfo{}}
		for _, n := range names {
			s.Outputs[n] = &graphdef.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: n}}
		}
		return s
	}
	got := freeze.SuggestOutputs(graph(t, linear), map[string]*graphdef.SignatureDef{
		"serving_default":       outputs("b:0", "a:1", "a:0"),
		"__saved_model_init_op": outputs("init"),
	})
	assert.Equal(t, []string{"a", "b"}, got)
}
