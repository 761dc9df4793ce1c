package inference_test

import (
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/freeze/inference"
	"github.com/tfkeep/tfkeep/graphdef"
)

// Prepare a frozen graph for serving.
func ExampleOptimize() {
	def, err := graphdef.ReadGraphDef("frozen.pb")
	if err != nil {
		log.Fatal(err)
	}
	def, report, err := inference.Optimize(def, &inference.Options{
		Outputs:   []string{"softmax"},
		Constants: map[string]bool{"is_training": false},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d of %d nodes left, %d batch norms folded\n", report.After, report.Before, len(report.Folded))
	if err := graphdef.Write("small.pb", def, nil); err != nil {
		log.Fatal(err)
	}
}
