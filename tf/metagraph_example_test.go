package tf_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/tf"
)

// A graph is written to a file with its variables and collections, and imported in another
// program.
func ExampleExportMetaGraph() {
	dir, err := os.MkdirTemp("", "meta")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "model.meta")

	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "hidden/w", tf.Zeros(64, 10), nil)
	if err != nil {
		log.Fatal(err)
	}
	g.AddToCollection("result", w.Value())
	if _, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{Filename: file}); err != nil {
		log.Fatal(err)
	}

	other := tf.NewGraph()
	im, err := tf.ImportMetaGraphFile(context.Background(), other, file, &tf.ImportMetaGraphOptions{ImportScope: "copy"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(im.Variables["hidden/w:0"].Name(), other.Collection("result")[0].Output().Op.Name())
	// Output: copy/hidden/w copy/hidden/w/Read/ReadVariableOp
}

// A frozen graph is imported with a tensor of the graph as its input.
func ExampleImportGraphDef() {
	def, err := graphdef.ParseGraphDef([]byte(`
		node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "y" op: "Neg" input: "x" attr { key: "T" value { type: DT_FLOAT } } }`))
	if err != nil {
		log.Fatal(err)
	}
	g := tf.NewGraph()
	mine, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "mine", Attrs: map[string]any{"dtype": dtype.Float32}})
	if err != nil {
		log.Fatal(err)
	}
	res, err := tf.ImportGraphDef(context.Background(), g, def, &tf.ImportGraphDefOptions{
		InputMap:       map[string]tf.Output{"x": mine.Output(0)},
		ReturnElements: []string{"y:0"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Elements[0].Output().Op.Name())
	// Output: import/y
}
