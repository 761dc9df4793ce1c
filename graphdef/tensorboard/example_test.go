package tensorboard_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/tensorboard"
)

func ExampleWriteGraph() {
	dir, err := os.MkdirTemp("", "logs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path, err := tensorboard.WriteGraph(dir, &graphdef.GraphDef{Node: []*graphdef.NodeDef{{Name: "a", Op: "NoOp"}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.HasPrefix(filepath.Base(path), "events.out.tfevents."))
	// Output: true
}
