package draw_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/draw"
)

func ExampleSVG() {
	g, err := graphdef.ParseGraphDef([]byte(`node { name: "x" op: "Placeholder" } node { name: "y" op: "Neg" input: "x" }`))
	if err != nil {
		log.Fatal(err)
	}
	svg := draw.SVG(g, &draw.Options{MaxBoxes: 20})
	fmt.Println(strings.Count(string(svg), "<g>"), "boxes")
	// Output: 2 boxes
}
