package convert

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// Names says which names the tensors of the destination have. A checkpoint of TensorFlow 1's
// Saver has names of variables ("dense/kernel"), and one of tf.train.Checkpoint has objects:
// keys made of paths, and an object graph that says which object has which key. Convert turns
// each into the other, so that a graph of TensorFlow 1 starts from the weights of a Keras model,
// and the reverse.
type Names struct {
	// Kind is what the destination has. With "" it is what Like has; without Like, it is the
	// other kind than that of the source.
	Kind NameKind
	// Like is the path of a model: the destination has the names or objects of that. It is a
	// graph (a GraphDef, a meta graph, a SavedModel), whose names are those that its Saver
	// restores, or a checkpoint. The names of the source are found as a Saver finds them in an
	// object-based checkpoint: see objectgraph.Finder.Keys.
	Like string
	// Map gives single tensors of the source, named by key, full name or path of the object,
	// another name. With ByObject, that is the path or full name of an object.
	Map map[string]string
	// Partial allows names of Like that the source lacks; Result.Missing has them.
	Partial bool
}

// NameKind is how the tensors of a checkpoint are named.
type NameKind string

// The kinds of names, as they are named on the command line.
const (
	ByName   NameKind = "names"
	ByObject NameKind = "objects"
)

// NameKinds returns all kinds of names.
func NameKinds() []NameKind { return []NameKind{ByName, ByObject} }

// maxMapLine is the longest line of a map file.
const maxMapLine = 1 << 20

// ReadMap reads the text of a map for [Names.Map]: in each line, a name of the source and one
// of the destination, separated by a tab or, if the names have no spaces, by spaces. Empty
// lines and those that begin with # do not count. The error, a tfkeep.ErrArgument, names the
// line.
func ReadMap(in io.Reader) (map[string]string, error) {
	if in == nil {
		return nil, &tfkeep.Error{Op: "read map", Err: tfkeep.ErrArgument, Detail: "the reader is nil"}
	}
	names := map[string]string{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxMapLine)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		from, to, ok := strings.Cut(line, "\t")
		if !ok {
			if fields := strings.Fields(line); len(fields) == 2 {
				from, to, ok = fields[0], fields[1], true
			}
		}
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		_, twice := names[from]
		switch {
		case !ok || from == "" || to == "":
			return nil, mapError(n, "it should have two names, separated by a tab or spaces")
		case twice:
			return nil, mapError(n, fmt.Sprintf("%s has a name already", from))
		}
		names[from] = to
	}
	if err := lines.Err(); err != nil {
		return nil, &tfkeep.Error{Op: "read map", Err: tfkeep.ErrArgument, Cause: err}
	}
	return names, nil
}

func mapError(line int, detail string) error {
	return &tfkeep.Error{Op: "read map", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf("line %d: %s", line, detail)}
}
