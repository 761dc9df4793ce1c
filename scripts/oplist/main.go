// Command oplist writes the op definitions that package graphdef/opdef embeds: the op list
// of libtensorflow without its documentation, sorted by name and deflated. After a change of
// TensorFlow's version, run "go generate ./graphdef/opdef" and the tests of opdef.
package main

import (
	"bytes"
	"compress/flate"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
)

func main() {
	out := flag.String("o", "ops.bin", "file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "oplist:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	data, err := capi.AllOpList()
	if err != nil {
		return err
	}
	packed, n, err := pack(data)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, packed, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d ops, %d bytes\n", out, n, len(packed))
	return nil
}

// pack sorts a serialized OpList by op, removes its documentation, as TensorFlow does
// before it writes op definitions, and deflates it.
func pack(data []byte) (packed []byte, n int, err error) {
	var list graphdef.OpList
	if err := proto.Unmarshal(data, &list); err != nil {
		return nil, 0, err
	}
	slices.SortFunc(list.Op, func(a, b *graphdef.OpDef) int { return strings.Compare(a.Name, b.Name) })
	for _, op := range list.Op {
		removeDocs(op)
	}
	raw, err := graphdef.MarshalBinary(&list)
	if err != nil {
		return nil, 0, err
	}
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	if err != nil {
		return nil, 0, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, 0, err
	}
	if err := w.Close(); err != nil {
		return nil, 0, err
	}
	return buf.Bytes(), len(list.Op), nil
}

func removeDocs(op *graphdef.OpDef) {
	op.Summary, op.Description = "", ""
	for _, a := range op.InputArg {
		a.Description = ""
	}
	for _, a := range op.OutputArg {
		a.Description = ""
	}
	for _, a := range op.Attr {
		a.Description = ""
	}
}
