package savergraph_test

import (
	"fmt"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

// A Saver with renamed keys: the variable "w" is restored from the tensor "model/w".
func ExampleGraph_Restore() {
	var def graphdef.GraphDef
	err := prototext.Unmarshal([]byte(`
node { name: "w" op: "VariableV2" attr { key: "shape" value { shape { dim { size: 3 } } } } }
node { name: "save/keys" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: "model/w" } } } }
node { name: "save/slices" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: "" } } } }
node { name: "save/RestoreV2" op: "RestoreV2" input: "save/Const" input: "save/keys" input: "save/slices" attr { key: "dtypes" value { list { type: DT_FLOAT } } } }
node { name: "save/Assign" op: "Assign" input: "w" input: "save/RestoreV2" }
node { name: "save/restore_all" op: "NoOp" input: "^save/Assign" }
`), &def)
	if err != nil {
		fmt.Println(err)
		return
	}
	restored, err := savergraph.New(&def).Restore("save/restore_all")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range restored {
		fmt.Println(r.Variable, "takes", r.Key, r.Shape)
	}
	// Output: w takes model/w [3]
}
