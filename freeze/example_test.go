package freeze_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/freeze"
)

// Freeze the newest checkpoint of a training run by the meta graph beside it.
func ExampleFromCheckpoint() {
	plan, err := freeze.FromCheckpoint(context.Background(), "train/", &freeze.Options{Outputs: []string{"softmax"}})
	if err != nil {
		log.Fatal(err) // names every value that is missing, or the nodes that come nearest
	}
	defer plan.Close()
	if err := plan.WriteFile(context.Background(), "frozen.pb", nil); err != nil {
		log.Fatal(err)
	}
	for _, r := range plan.Report().Repairs {
		fmt.Println("took out", r.Node, r.From)
	}
}
