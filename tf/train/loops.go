package train

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// loopArguments returns what the collections while_context and cond_context say about the loops of
// TensorFlow 1 in the graph, by their frames: the arguments of Python's while_loop that no node has.
func loopArguments(g *tf.Graph) map[string]autodiff.Loop {
	loops := make(map[string]autodiff.Loop)
	var addNested func(contexts []*for_core_protos_go_proto.ControlFlowContextDef)
	addLoop := func(def *for_core_protos_go_proto.WhileContextDef) {
		loops[def.GetContextName()] = autodiff.Loop{NoGradient: !def.GetBackProp(), SwapMemory: def.GetSwapMemory()}
		addNested(def.GetNestedContexts())
	}
	addNested = func(contexts []*for_core_protos_go_proto.ControlFlowContextDef) {
		for _, c := range contexts {
			if loop := c.GetWhileCtxt(); loop != nil {
				addLoop(loop)
			}
			addNested(c.GetCondCtxt().GetNestedContexts())
		}
	}
	for _, key := range []string{"while_context", "cond_context"} {
		for _, item := range g.Collection(key) {
			switch def := item.Value().(type) {
			case *for_core_protos_go_proto.WhileContextDef:
				addLoop(def)
			case *for_core_protos_go_proto.CondContextDef:
				addNested(def.GetNestedContexts())
			}
		}
	}
	return loops
}
