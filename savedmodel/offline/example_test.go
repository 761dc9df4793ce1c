package offline_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
)

// Make a model of a graph without variables, and change its tags.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	g, err := graphdef.ParseGraphDef([]byte(`
		node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "y" op: "Neg" input: "x" attr { key: "T" value { type: DT_FLOAT } } }`))
	if err != nil {
		log.Fatal(err)
	}
	model := filepath.Join(dir, "1")
	_, err = offline.FromFrozen(ctx, g, model, &offline.Options{
		Inputs: map[string]string{"x": "x"}, Outputs: map[string]string{"negative": "y:0"},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := offline.Edit(ctx, model, offline.Retag([]string{"serve"}, []string{"serve", "v2"})); err != nil {
		log.Fatal(err)
	}
	sm, err := graphdef.ReadSavedModel(model)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sm.MetaGraphs[0].MetaInfoDef.Tags, sm.MetaGraphs[0].SignatureDef["serving_default"].Outputs["negative"].GetName())
	fmt.Println("findings:", offline.Scan(sm, nil))
	// Output:
	// [serve v2] y:0
	// findings: []
}
