package freeze_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/freeze"
)

// Freeze the newest checkpoint of a training job with the meta graph beside it.
func ExampleFromCheckpoint() {
	ctx := context.Background()
	plan, err := freeze.FromCheckpoint(ctx, "train/", &freeze.Options{Outputs: []string{"softmax"}})
	if err != nil {
		log.Fatal(err) // names every value that is missing, or the nodes that come nearest
	}
	defer plan.Close()
	if err := plan.WriteFile(ctx, "frozen.pb", nil); err != nil {
		log.Fatal(err)
	}
	for _, r := range plan.Report().Repairs {
		fmt.Println("removed", r.Node, r.From)
	}
}
