package freeze

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// The column numbers with a special meaning in TensorFlow
// (tensorflow/core/kernels/initializable_lookup_table.h).
const (
	wholeLine  = -2
	lineNumber = -1
)

// maxVocabulary is the size of the largest file that is embedded.
const maxVocabulary = 1 << 30

// embedTables replaces the nodes that fill tables from text files by nodes that fill them
// from constants, so that the graph needs no files. It returns the names of the files. If
// assets is not empty, it is the folder that has the files.
func embedTables(b *body, assets string) (files []string, err error) {
	var added []*graphdef.NodeDef
	for i, n := range b.nodes {
		if !fillsFromFile(n.Op) || len(nodedef.DataInputs(n)) < 2 {
			continue
		}
		v, err := readVocabulary(b, n, assets)
		if err != nil {
			return nil, nodeError(b, n, tfkeep.ErrUnsupported, "its file cannot be embedded: %v", err)
		}
		keys, values := nodedef.Const(n.Name+"/keys", v.keys), nodedef.Const(n.Name+"/values", v.values)
		op := "InitializeTableV2"
		if n.Op == "InitializeTableFromTextFile" { // the table is a reference
			op = "InitializeTable"
		}
		n = b.mutable(i)
		n.Input = append([]string{n.Input[0], keys.Name, values.Name}, controlInputs(n)...)
		turnInto(n, op, attrs{"Tkey": nodedef.TypeAttr(v.keys.Dtype), "Tval": nodedef.TypeAttr(v.values.Dtype)})
		added = append(added, keys, values)
		files = append(files, v.file)
	}
	return files, b.addNew(added)
}

// vocabulary is the content of a table's text file.
type vocabulary struct {
	file         string
	keys, values *tensorpb.TensorProto
}

// readVocabulary reads the file that the node init fills its table from.
func readVocabulary(b *body, init *graphdef.NodeDef, assets string) (*vocabulary, error) {
	table := b.node(b.parse(init.Input[0]).node)
	if table == nil || !isTable(table.Op) {
		return nil, errors.New("the node does not name its table")
	}
	file, err := fileName(b, init.Input[1])
	if err != nil {
		return nil, err
	}
	path := file
	if assets != "" {
		path = filepath.Join(assets, filepath.Base(file))
	}
	lines, err := readLines(path, init)
	if err != nil {
		return nil, err
	}
	delimiter := []byte("\t")
	if d := init.Attr["delimiter"].GetS(); len(d) == 1 {
		delimiter = d
	}
	v := &vocabulary{file: file}
	if v.keys, err = column(lines, init.Attr["key_index"].GetI(), delimiter, table.Attr["key_dtype"].GetType()); err != nil {
		return nil, err
	}
	v.values, err = column(lines, init.Attr["value_index"].GetI(), delimiter, table.Attr["value_dtype"].GetType())
	return v, err
}

// fileName returns the string that an input has, which must be a constant.
func fileName(b *body, in string) (string, error) {
	n := b.node(b.parse(in).node)
	for hops := 0; n != nil && n.Op == "Identity" && len(n.Input) > 0 && hops < 8; hops++ {
		n = b.node(b.parse(n.Input[0]).node)
	}
	if n == nil || n.Op != "Const" || len(n.Attr["value"].GetTensor().GetStringVal()) != 1 {
		return "", errors.New("the name of the file is not a constant")
	}
	return string(n.Attr["value"].GetTensor().StringVal[0]), nil
}

// readLines returns the lines of a file that the node init uses.
func readLines(path string, init *graphdef.NodeDef) ([][]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxVocabulary {
		return nil, fmt.Errorf("%s has %d bytes", path, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(data, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	if skip := init.Attr["offset"].GetI(); skip > 0 && skip <= int64(len(lines)) {
		lines = lines[skip:]
	}
	if size := init.Attr["vocab_size"]; size != nil && size.GetI() >= 0 && size.GetI() < int64(len(lines)) {
		lines = lines[:size.GetI()]
	}
	return lines, nil
}

// column returns one column of the lines as a vector.
func column(lines [][]byte, index int64, delimiter []byte, dt dtype.DataType) (*tensorpb.TensorProto, error) {
	t := &tensorpb.TensorProto{Dtype: dt, TensorShape: nodedef.ShapeProto([]int64{int64(len(lines))})}
	for i, line := range lines {
		text := line
		switch {
		case index == lineNumber:
			text = strconv.AppendInt(nil, int64(i), 10)
		case index != wholeLine:
			fields := bytes.Split(line, delimiter)
			if index < 0 || index >= int64(len(fields)) {
				return nil, fmt.Errorf("line %d has %d columns, and column %d is needed", i+1, len(fields), index)
			}
			text = fields[index]
		}
		if err := appendElement(t, text); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return t, nil
}

// appendElement parses an element of t and appends it.
func appendElement(t *tensorpb.TensorProto, text []byte) error {
	var err error
	var integer int64
	var number float64
	switch t.Dtype {
	case dtype.String:
		t.StringVal = append(t.StringVal, text)
	case dtype.Int64:
		integer, err = strconv.ParseInt(string(text), 10, 64)
		t.Int64Val = append(t.Int64Val, integer)
	case dtype.Int32:
		integer, err = strconv.ParseInt(string(text), 10, 32)
		t.IntVal = append(t.IntVal, int32(integer))
	case dtype.Float32:
		number, err = strconv.ParseFloat(string(text), 32)
		t.FloatVal = append(t.FloatVal, float32(number))
	case dtype.Float64:
		number, err = strconv.ParseFloat(string(text), 64)
		t.DoubleVal = append(t.DoubleVal, number)
	default:
		return fmt.Errorf("a table of %s cannot be filled from text", dtype.Name(t.Dtype))
	}
	if err != nil {
		return fmt.Errorf("%q is not a %s", text, dtype.Name(t.Dtype))
	}
	return nil
}
