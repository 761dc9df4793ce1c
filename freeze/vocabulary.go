package freeze

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// What stands in a column of a text file, as TensorFlow numbers it
// (tensorflow/core/kernels/initializable_lookup_table.h).
const (
	wholeLine  = -2
	lineNumber = -1
)

// maxVocabulary is the largest file that is embedded.
const maxVocabulary = 1 << 30

// embedTables replaces the nodes that fill tables from text files by ones that
// fill them from constants, so that the graph needs no files. assets, when not
// empty, is where the files are if they are not where the graph says.
func (f *freezer) embedTables(b *body, assets string) error {
	var added []*nodepb.NodeDef
	for i, n := range b.nodes {
		if !fromTextFile(n.Op) || len(dataInputs(n)) < 2 {
			continue
		}
		v, err := readVocabulary(b, n, assets)
		if err != nil {
			return &NodeError{Node: n.Name, Op: n.Op, Err: ErrUnsupported, Text: "its file cannot be embedded: " + err.Error()}
		}
		keys, values := constNode(n.Name+"/keys", v.keys), constNode(n.Name+"/values", v.values)
		n = b.mutable(i)
		ref := n.Op == "InitializeTableFromTextFile"
		if n.Op = "InitializeTableV2"; ref {
			n.Op = "InitializeTable"
		}
		n.Input = append([]string{n.Input[0], keys.Name, values.Name}, controlInputs(n)...)
		n.Attr = attrs(n, map[string]*attrpb.AttrValue{"Tkey": typeAttr(v.keys.Dtype), "Tval": typeAttr(v.values.Dtype)})
		added = append(added, keys, values)
		f.report.Embedded = append(f.report.Embedded, v.file)
	}
	for _, n := range added {
		if _, taken := b.index[n.Name]; taken {
			return &NodeError{Node: n.Name, Op: n.Op, Err: ErrUnsupported, Text: "the graph already has a node of this name, which freezing needs"}
		}
		b.index[n.Name], b.cloned[len(b.nodes)] = len(b.nodes), true
		b.nodes = append(b.nodes, n)
	}
	return nil
}

type vocabulary struct {
	file         string
	keys, values *tensorpb.TensorProto
}

func readVocabulary(b *body, init *nodepb.NodeDef, assets string) (*vocabulary, error) {
	node := func(in string) *nodepb.NodeDef {
		t, _ := b.parseInput(in)
		if i, ok := b.index[t.node]; ok {
			return b.nodes[i]
		}
		return nil
	}
	table, name := node(init.Input[0]), node(init.Input[1])
	for hops := 0; name != nil && name.Op == "Identity" && len(name.Input) > 0 && hops < 8; hops++ {
		name = node(name.Input[0])
	}
	if table == nil || !isTable(table.Op) {
		return nil, errors.New("the node does not name its table")
	}
	if name == nil || name.Op != "Const" || len(name.Attr["value"].GetTensor().GetStringVal()) != 1 {
		return nil, errors.New("the name of the file is not a constant")
	}
	v := &vocabulary{file: string(name.Attr["value"].GetTensor().StringVal[0])}
	path := v.file
	if assets != "" {
		path = filepath.Join(assets, filepath.Base(v.file))
	}
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
	if n := init.Attr["vocab_size"].GetI(); n >= 0 && init.Attr["vocab_size"] != nil && n < int64(len(lines)) {
		lines = lines[:n]
	}
	delimiter := []byte("\t")
	if d := init.Attr["delimiter"].GetS(); len(d) == 1 {
		delimiter = d
	}
	v.keys, err = column(lines, init.Attr["key_index"].GetI(), delimiter, table.Attr["key_dtype"].GetType())
	if err == nil {
		v.values, err = column(lines, init.Attr["value_index"].GetI(), delimiter, table.Attr["value_dtype"].GetType())
	}
	return v, err
}

// column makes a vector of one column of the lines.
func column(lines [][]byte, index int64, delimiter []byte, dtype typespb.DataType) (*tensorpb.TensorProto, error) {
	t := &tensorpb.TensorProto{Dtype: dtype, TensorShape: shapeProto([]int64{int64(len(lines))})}
	for i, line := range lines {
		text := line
		switch {
		case index == lineNumber:
			text = strconv.AppendInt(nil, int64(i), 10)
		case index != wholeLine:
			fields := bytes.Split(line, delimiter)
			if index < 0 || index >= int64(len(fields)) {
				return nil, fmt.Errorf("line %d has %d columns, there is no column %d", i+1, len(fields), index)
			}
			text = fields[index]
		}
		var err error
		switch dtype {
		case typespb.DataType_DT_STRING:
			t.StringVal = append(t.StringVal, text)
		case typespb.DataType_DT_INT64:
			var x int64
			x, err = strconv.ParseInt(string(text), 10, 64)
			t.Int64Val = append(t.Int64Val, x)
		case typespb.DataType_DT_INT32:
			var x int64
			x, err = strconv.ParseInt(string(text), 10, 32)
			t.IntVal = append(t.IntVal, int32(x))
		case typespb.DataType_DT_FLOAT:
			var x float64
			x, err = strconv.ParseFloat(string(text), 32)
			t.FloatVal = append(t.FloatVal, float32(x))
		case typespb.DataType_DT_DOUBLE:
			var x float64
			x, err = strconv.ParseFloat(string(text), 64)
			t.DoubleVal = append(t.DoubleVal, x)
		default:
			return nil, fmt.Errorf("a table of %v cannot be filled from text", dtype)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no %v", i+1, text, dtype)
		}
	}
	return t, nil
}
