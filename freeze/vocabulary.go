package freeze

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// The column numbers with a special meaning in TensorFlow
// (tensorflow/core/kernels/initializable_lookup_table.h).
const (
	wholeLine  = -2
	lineNumber = -1
)

// maxVocabulary is the size of the largest file that is embedded.
const maxVocabulary = 1 << 30

// vocabularyFile returns the path of the file that a constant names: in the assets of the
// model, else in the folder that the user gives, else, for graphs without assets, as the
// graph says.
func (o *Options) vocabularyFile(file *graphdef.NodeDef) (string, error) {
	name, isConst := constString(file)
	if o.model != nil {
		if asset, ok := o.model.assets[file.Name]; ok {
			if !filepath.IsLocal(asset) {
				return "", fmt.Errorf("the asset %q would be read from outside the model", asset)
			}
			return filepath.Join(o.model.folder, asset), nil
		}
		if o.Assets == "" && isConst {
			return "", fmt.Errorf("%s is no asset of the model; name the folder that has it in Options.Assets (--assets)", name)
		}
	}
	if !isConst {
		return "", errors.New("the name of the file is not a constant")
	}
	if o.Assets != "" {
		// The path may be one of Windows.
		return filepath.Join(o.Assets, name[strings.LastIndexAny(name, `/\`)+1:]), nil
	}
	return name, nil
}

// readLines returns the lines of a file that the node init uses, as TensorFlow's
// TextFileLineIterator does (tensorflow/core/kernels/lookup_util.cc): a line ends with LF or
// CR LF, and blank lines are errors.
func readLines(path string, init *graphdef.NodeDef) ([][]byte, error) {
	data, err := readRegular(path)
	if err != nil {
		return nil, err
	}
	size := int64(-1)
	if a := init.Attr["vocab_size"]; a != nil {
		size = a.GetI()
	}
	var lines [][]byte
	for len(data) > 0 && (size < 0 || int64(len(lines)) < size) {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		data = rest
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return nil, fmt.Errorf("%s: line %d is blank, which TensorFlow refuses", path, len(lines)+1)
		}
		lines = append(lines, line)
	}
	switch {
	case len(lines) == 0:
		return nil, fmt.Errorf("%s: no line is used, which TensorFlow refuses", path)
	case int64(len(lines)) < size:
		return nil, fmt.Errorf("%s has %d lines, and vocab_size is %d, which TensorFlow refuses", path, len(lines), size)
	}
	return lines, nil
}

// readRegular reads a file that is no link.
func readRegular(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := vfs.CheckRegular(path, info); err != nil {
		return nil, err
	}
	return vfs.ReadFile(vfs.OS, path, maxVocabulary)
}

// readVocabulary reads the keys and values that the node init fills a table with.
func readVocabulary(path string, init, table *graphdef.NodeDef) (keys, values *elements, err error) {
	lines, err := readLines(path, init)
	if err != nil {
		return nil, nil, err
	}
	offset := init.Attr["offset"].GetI()
	delimiter := []byte("\t")
	if d := init.Attr["delimiter"].GetS(); len(d) == 1 {
		delimiter = d
	}
	keys, err = column(lines, init.Attr["key_index"].GetI(), offset, delimiter, table.Attr["key_dtype"].GetType())
	if err == nil {
		values, err = column(lines, init.Attr["value_index"].GetI(), offset, delimiter, table.Attr["value_dtype"].GetType())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, values, nil
}

// column returns one column of the lines as a vector. offset is the number of the first line.
func column(lines [][]byte, index, offset int64, delimiter []byte, dt dtype.DataType) (*elements, error) {
	if index == wholeLine && dt != dtype.String && dt != dtype.Int64 && dt != dtype.Int32 {
		return nil, fmt.Errorf("a whole line cannot be a %s", dtype.Name(dt))
	}
	if index == lineNumber && dt != dtype.Int64 {
		return nil, fmt.Errorf("the number of a line cannot be a %s", dtype.Name(dt))
	}
	e := &elements{dtype: dt, shape: []int64{int64(len(lines))}}
	for i, line := range lines {
		text := line
		switch {
		case index == lineNumber:
			text = strconv.AppendInt(nil, int64(i)+offset, 10)
		case index != wholeLine:
			fields := bytes.Split(line, delimiter)
			if index < 0 || index >= int64(len(fields)) {
				return nil, fmt.Errorf("line %d has %d columns, and column %d is needed", i+1, len(fields), index)
			}
			text = fields[index]
		}
		value, err := parseElement(string(text), dt)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		e.list = append(e.list, value)
	}
	return e, nil
}

// space is what TensorFlow removes around numbers.
const space = " \t\n\v\f\r"

// parseElement parses an element of a column. Numbers are little-endian bytes.
func parseElement(text string, dt dtype.DataType) (string, error) {
	if dt == dtype.String {
		return text, nil
	}
	number, _, _ := strings.Cut(text, "\x00") // TensorFlow parses a C string
	number = strings.Trim(number, space)
	bad := fmt.Errorf("%q is not a %s", text, dtype.Name(dt))
	switch dt {
	case dtype.Int64, dtype.Int32:
		bits := 64
		if dt == dtype.Int32 {
			bits = 32
		}
		i, err := strconv.ParseInt(number, 10, bits)
		if err != nil {
			return "", bad
		}
		return string(binary.LittleEndian.AppendUint64(nil, uint64(i))[:bits/8]), nil
	case dtype.Float32:
		f, ok := parseFloat(number, 32)
		if !ok {
			return "", bad
		}
		return string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(f)))), nil
	case dtype.Float64:
		f, ok := parseFloat(number, 64)
		if !ok {
			return "", bad
		}
		return string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))), nil
	}
	return "", fmt.Errorf("a table of %s cannot be filled from text", dtype.Name(dt))
}

// parseFloat parses a number as TensorFlow does: beyond the range it is an infinity or zero.
func parseFloat(text string, bits int) (float64, bool) {
	digits := strings.ToLower(strings.TrimLeft(text, "+-"))
	switch {
	case strings.Contains(digits, "_"), strings.HasPrefix(digits, "nan") && digits != "nan":
		return 0, false // TensorFlow takes nan(1) as well
	case strings.HasPrefix(digits, "0x") && !strings.Contains(digits, "p"):
		text += "p0"
	}
	if digits == "nan" && len(text) == len("-nan") {
		return math.Copysign(math.NaN(), map[byte]float64{'-': -1, '+': 1}[text[0]]), true
	}
	f, err := strconv.ParseFloat(text, bits)
	return f, err == nil || errors.Is(err, strconv.ErrRange)
}
