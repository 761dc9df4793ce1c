package opdef_test

import (
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

// Remove the attributes that have their op's default value, so that an older TensorFlow
// can read the graph.
func Example() {
	g, err := graphdef.ParseGraphDef([]byte(`
		node { name: "a" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "b" op: "MatMul" input: "a" input: "a" attr { key: "T" value { type: DT_FLOAT } }
			attr { key: "transpose_a" value { b: true } } attr { key: "transpose_b" value { b: false } } }`))
	if err != nil {
		log.Fatal(err)
	}
	opdef.StripDefaults(g, nil)
	_, hasA := g.Node[1].Attr["transpose_a"]
	_, hasB := g.Node[1].Attr["transpose_b"]
	fmt.Println(hasA, hasB)
	types, err := opdef.OutputTypes(g.Node[1], nil)
	fmt.Println(types, err)
	fmt.Println(opdef.Used(g), opdef.Unknown(g, nil))
	// Output:
	// true false
	// [DT_FLOAT] <nil>
	// [MatMul Placeholder] []
}
