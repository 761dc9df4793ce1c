package objectgraph_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
)

func Example() {
	// In use, the bytes are the value of the string tensor objectgraph.Key.
	data := []byte("\n\x0a\n\x08\x08\x01\x12\x04step\n\x2a\x12\x28\n\x0eVARIABLE_VALUE\x1a\x16step/.ATTRIBUTES/VALUE")
	g, err := objectgraph.Decode(data)
	if err != nil {
		log.Fatal(err)
	}
	err = g.Walk(func(s objectgraph.Step) error {
		fmt.Printf("/%s\n", strings.Join(s.Path, "/"))
		for _, v := range g.Objects[s.Object].Values {
			fmt.Println("    value under", v.Key)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// /
	// /step
	//     value under step/.ATTRIBUTES/VALUE
}
