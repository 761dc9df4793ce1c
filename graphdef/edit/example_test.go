package edit_test

import (
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
)

func exampleGraph() *graphdef.GraphDef {
	g, err := graphdef.ParseGraphDef([]byte(`
		node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "y" op: "Neg" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
		node { name: "z" op: "Abs" input: "y" attr { key: "T" value { type: DT_FLOAT } } }`))
	if err != nil {
		log.Fatal(err)
	}
	return g
}

func ExampleExtract() {
	sub, err := edit.Extract(exampleGraph(), []string{"y"})
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range sub.Node {
		fmt.Println(n.Name, n.Op)
	}
	// Output:
	// x Placeholder
	// y Neg
}
