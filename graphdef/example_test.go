package graphdef_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/graphdef"
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

// A graph is written as text and read back; the reader is not told which it is.
func ExampleWriteGraph() {
	dir, err := os.MkdirTemp("", "graph")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path, err := graphdef.WriteGraph(exampleGraph(), dir, "g.pbtxt", true)
	if err != nil {
		log.Fatal(err)
	}
	g, err := graphdef.ReadGraphDef(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(path), len(g.Node))
	// Output: g.pbtxt 3
}

func ExampleExtractSubgraph() {
	sub, err := graphdef.ExtractSubgraph(exampleGraph(), []string{"y"})
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

func ExampleCheck() {
	g := exampleGraph()
	g.Node[1].Input = []string{"z"}
	g.Node[2].Op = "Abss"
	fmt.Println(graphdef.Check(g, nil))
	// Output: check graph: 2 faults: Node 'z': op "Abss" is not known; Node 'y' is part of a cycle: y → z → y
}

func ExampleDiff() {
	a, b := exampleGraph(), exampleGraph()
	b.Node[2].Input[0] = "x"
	for _, d := range graphdef.Diff(a, b, nil) {
		fmt.Println(d)
	}
	// Output: ~ z input: [y] → [x]
}
