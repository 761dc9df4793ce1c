package check_test

import (
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
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

func ExampleGraph() {
	g := exampleGraph()
	g.Node[1].Input = []string{"z"}
	g.Node[2].Op = "Abss"
	fmt.Println(check.Graph(g, nil))
	// Output: check graph: 2 faults: Node 'z': op "Abss" is not known; Node 'y' is part of a cycle: y → z → y
}
