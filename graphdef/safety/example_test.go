package safety_test

import (
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
)

// Find out what loading a model would run and tfkeep refuses.
func Example() {
	mg, err := graphdef.ParseMetaGraphDef([]byte(`
		graph_def {
			node { name: "file" op: "Const" } node { name: "text" op: "Const" }
			node { name: "init" op: "WriteFile" input: "file" input: "text" } }
		collection_def { key: "saved_model_main_op" value { node_list { value: "init" } } }`))
	if err != nil {
		log.Fatal(err)
	}
	plan, err := safety.NewPlan(mg)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range plan.Findings(nil) {
		fmt.Printf("%s: %s\n", f.Stage, f)
	}
	// Output: initialization: init (WriteFile): it reads, writes or lists files
}
