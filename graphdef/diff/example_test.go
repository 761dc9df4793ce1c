package diff_test

import (
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/diff"
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

func ExampleGraphs() {
	a, b := exampleGraph(), exampleGraph()
	b.Node[2].Input[0] = "x"
	for _, d := range diff.Graphs(a, b, nil) {
		fmt.Println(d)
	}
	// Output: ~ z input: [y] → [x]
}
