package graphdef_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/graphdef"
)

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "graph")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	g := &graphdef.GraphDef{Node: []*graphdef.NodeDef{{Name: "x", Op: "Placeholder"}}}
	path := filepath.Join(dir, "g.pbtxt")
	if err := graphdef.Write(path, g, &graphdef.WriteOptions{Text: true}); err != nil {
		log.Fatal(err)
	}
	g, err = graphdef.ReadGraphDef(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(path), len(g.Node))
	// Output: g.pbtxt 1
}
