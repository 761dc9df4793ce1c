package funcgraph_test

import (
	"fmt"
	"log"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/funcgraph"
)

// The nodes of a function, with the names of tensors that a graph has.
func ExampleParse() {
	f := new(function_go_proto.FunctionDef)
	err := prototext.Unmarshal([]byte(`
		signature { name: "double" input_arg { name: "x" type: DT_FLOAT } output_arg { name: "y" type: DT_FLOAT } }
		node_def { name: "add" op: "AddV2" input: "x" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
		ret { key: "y" value: "add:z:0" }`), f)
	if err != nil {
		log.Fatal(err)
	}
	body, err := funcgraph.Parse(f, opdef.Builtin())
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range body.Nodes {
		fmt.Println(n.GetName(), n.GetOp(), n.GetInput())
	}
	fmt.Println("result", body.Results[0].Tensor)
	// Output:
	// x Placeholder []
	// add AddV2 [x:0 x:0]
	// result add:0
}
