package objectgraph_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
)

func Example() {
	// These bytes are the value of the string tensor objectgraph.Key. Read takes
	// them from an open checkpoint.
	data := []byte("\n\x0a\n\x08\x08\x01\x12\x04step\n\x2a\x12\x28\n\x0eVARIABLE_VALUE\x1a\x16step/.ATTRIBUTES/VALUE")
	g, err := objectgraph.Decode(data)
	if err != nil {
		log.Fatal(err)
	}
	for s := range g.Walk() {
		fmt.Printf("/%s\n", strings.Join(s.Path, "/"))
		for _, v := range g.Objects[s.Object].Values {
			fmt.Println("    value under", v.Key)
		}
	}
	// Output:
	// /
	// /step
	//     value under step/.ATTRIBUTES/VALUE
}
