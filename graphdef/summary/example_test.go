package summary_test

import (
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/summary"
)

func ExampleOf() {
	g, err := graphdef.ParseGraphDef([]byte(`node { name: "x" op: "Placeholder" } node { name: "y" op: "Neg" input: "x" }`))
	if err != nil {
		log.Fatal(err)
	}
	s := summary.Of(g, nil)
	fmt.Println(s.Kind, s.Graph.Nodes, s.Graph.Outputs[0].Name)
	// Output: GraphDef 2 y
}
