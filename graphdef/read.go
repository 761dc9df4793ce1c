package graphdef

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
)

const (
	// MaxSize is the largest message that protocol buffers can hold, and so the
	// largest file read: 2 GiB less one byte.
	MaxSize = math.MaxInt32
	// MaxNesting is how deep messages may nest, text or binary. It is the limit
	// of TensorFlow's C++ and Python, so whatever is read here they can read.
	MaxNesting = 100
)

// The names that a SavedModel's own file has in its directory; where both are
// there, TensorFlow reads the first.
const (
	SavedModelFile     = "saved_model.pb"
	SavedModelTextFile = "saved_model.pbtxt"
)

// ReadGraphDef reads a GraphDef file, text or binary by its content.
//
// The error is of kind tfkeep.ErrNotFound, tfkeep.ErrMismatch (with the kind it is), tfkeep.ErrCorrupt
// or tfkeep.ErrTooLarge.
func ReadGraphDef(path string) (*GraphDef, error) {
	m, err := readAs(path, KindGraphDef)
	if err != nil {
		return nil, err
	}
	return m.(*GraphDef), nil
}

// ReadMetaGraphDef reads a MetaGraphDef, the content of a ".meta" file, text or
// binary by its content. Errors are those of ReadGraphDef.
func ReadMetaGraphDef(path string) (*MetaGraphDef, error) {
	m, err := readAs(path, KindMetaGraphDef)
	if err != nil {
		return nil, err
	}
	return m.(*MetaGraphDef), nil
}

// ReadMetaGraphFile is ReadMetaGraphDef that also gives the bytes of the
// GraphDef in it as they lie in the file, for a caller who hands them on as they
// are. They are nil where the file is text.
func ReadMetaGraphFile(path string) (mg *MetaGraphDef, serializedGraph []byte, err error) {
	data, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	if mg, err = ParseMetaGraphDef(data); err != nil {
		return nil, nil, inFile(err, path)
	}
	// Text cannot pass for a MetaGraphDef's fields to its very end.
	serializedGraph, _ = splitOff(data, 2)
	return mg, serializedGraph, nil
}

// ReadSavedModel reads a SavedModel, given its directory or the file
// saved_model.pb or saved_model.pbtxt itself. Errors are those of ReadGraphDef.
func ReadSavedModel(path string) (*SavedModel, error) {
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		file, err := savedModelIn(path)
		if err != nil {
			return nil, err
		}
		path = file
	}
	m, err := readAs(path, KindSavedModel)
	if err != nil {
		return nil, err
	}
	return m.(*SavedModel), nil
}

// Read reads a file of any of the three kinds, or the SavedModel in a
// directory, and says which it is.
func Read(path string) (proto.Message, Kind, error) {
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		m, err := ReadSavedModel(path)
		return m, KindSavedModel, err
	}
	data, err := readFile(path)
	if err != nil {
		return nil, KindUnknown, err
	}
	m, kind, err := Parse(data)
	return m, kind, inFile(err, path)
}

// ParseGraphDef parses the content of a GraphDef file. Text and binary are told
// apart as in ReadGraphDef.
func ParseGraphDef(data []byte) (*GraphDef, error) {
	m, err := parseAs(data, KindGraphDef)
	if err != nil {
		return nil, err
	}
	return m.(*GraphDef), nil
}

// ParseMetaGraphDef parses the content of a ".meta" file, text or binary.
func ParseMetaGraphDef(data []byte) (*MetaGraphDef, error) {
	m, err := parseAs(data, KindMetaGraphDef)
	if err != nil {
		return nil, err
	}
	return m.(*MetaGraphDef), nil
}

// ParseSavedModel parses the content of a saved_model.pb or .pbtxt.
func ParseSavedModel(data []byte) (*SavedModel, error) {
	m, err := parseAs(data, KindSavedModel)
	if err != nil {
		return nil, err
	}
	return m.(*SavedModel), nil
}

// Parse parses a message of any of the three kinds and says which it is.
func Parse(data []byte) (proto.Message, Kind, error) {
	// MetaGraphDef before GraphDef: a meta graph's fields can pass for nodes
	// more easily than the other way round.
	for _, kind := range []Kind{KindSavedModel, KindMetaGraphDef, KindGraphDef} {
		if m, err := parse(data, kind); err == nil {
			return m, kind, nil
		} else if errors.Is(err, tfkeep.ErrTooLarge) {
			return nil, KindUnknown, err
		}
	}
	return nil, KindUnknown, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt,
		Detail: "neither a GraphDef nor a MetaGraphDef nor a SavedModel, in text or binary" + whatInstead(data)}
}

func readAs(path string, kind Kind) (proto.Message, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	m, err := parseAs(data, kind)
	return m, inFile(err, path)
}

// parseAs is parse with the better error: when the bytes are a sound message of
// another kind, it says which.
func parseAs(data []byte, kind Kind) (proto.Message, error) {
	m, err := parse(data, kind)
	if err == nil || errors.Is(err, tfkeep.ErrTooLarge) {
		return m, err
	}
	for _, other := range []Kind{KindSavedModel, KindMetaGraphDef, KindGraphDef} {
		if other == kind {
			continue
		}
		if _, otherErr := parse(data, other); otherErr == nil {
			return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrMismatch,
				Detail: fmt.Sprintf("this is a %v, not a %v", other, kind)}
		}
	}
	return nil, err
}

// parse parses data as one kind, binary first and then text, as TensorFlow does.
func parse(data []byte, kind Kind) (proto.Message, error) {
	if len(data) == 0 {
		return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("empty: 0 bytes are no %v; was a write cut short?", kind)}
	}
	if int64(len(data)) > MaxSize {
		return nil, tooLarge("parse", int64(len(data)))
	}
	m := kind.new()
	binErr := unmarshal(data, m)
	if binErr == nil && plausible(m) {
		return m, nil
	}
	if !looksLikeText(data) {
		if binErr == nil {
			binErr = fmt.Errorf("its fields are not those of a %v", kind)
		}
		return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt, Cause: binErr,
			Detail: fmt.Sprintf("no binary %v, and no text%s", kind, whatInstead(data))}
	}
	m = kind.new()
	if err := (prototext.UnmarshalOptions{RecursionLimit: MaxNesting}).Unmarshal(data, m); err != nil {
		return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt, Cause: err,
			Detail: fmt.Sprintf("no %v in text%s", kind, whatInstead(data))}
	}
	if blank(m) {
		return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("text without a single field: no %v", kind)}
	}
	if !plausible(m) {
		return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("text of a %v without content, or with nodes that have neither name nor op", kind)}
	}
	return m, nil
}

// looksLikeText says whether data can be protobuf text at all: valid UTF-8, and
// no control characters but white space. Text escapes all others.
func looksLikeText(data []byte) bool {
	for _, c := range data {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\v' {
			return false
		}
	}
	return utf8.Valid(data)
}

// whatInstead recognises the files that people most often pass by mistake.
func whatInstead(data []byte) string {
	has := func(prefix string) bool {
		return len(data) >= len(prefix) && string(data[:len(prefix)]) == prefix
	}
	const tableMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb" // the last 8 bytes of a table file
	switch {
	case has("\x89HDF\r\n\x1a\n"):
		return " (this is an HDF5 file, as Keras writes)"
	case has("PK\x03\x04"):
		return " (this is a zip archive)"
	case has("\x1f\x8b"):
		return " (this is gzip; unpack it first)"
	case has("model_checkpoint_path"):
		return " (this is a checkpoint state file)"
	case len(data) >= 8 && string(data[len(data)-8:]) == tableMagic:
		return " (this is a checkpoint's table, such as its .index file; the graph is in the .meta file)"
	}
	return ""
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &tfkeep.Error{Op: "read", Path: path, Err: tfkeep.ErrNotFound, Cause: fs.ErrNotExist}
		}
		return nil, &tfkeep.Error{Op: "read", Path: path, Cause: withoutPath(err)}
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, &tfkeep.Error{Op: "read", Path: path, Cause: withoutPath(err)}
	}
	if fi.IsDir() {
		return nil, &tfkeep.Error{Op: "read", Path: path, Err: tfkeep.ErrMismatch, Detail: "is a directory; a file is wanted"}
	}
	if fi.Size() > MaxSize {
		return nil, inFile(tooLarge("read", fi.Size()), path)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, &tfkeep.Error{Op: "read", Path: path, Cause: withoutPath(err)}
	}
	return data, nil
}

func savedModelIn(dir string) (string, error) {
	for _, name := range []string{SavedModelFile, SavedModelTextFile} {
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && !fi.IsDir() {
			return path, nil
		}
	}
	return "", &tfkeep.Error{Op: "read", Path: dir, Err: tfkeep.ErrNotFound,
		Detail: fmt.Sprintf("SavedModel file does not exist at: %s/{%s|%s}", dir, SavedModelTextFile, SavedModelFile)}
}

func tooLarge(op string, size int64) error {
	return &tfkeep.Error{Op: op, Err: tfkeep.ErrTooLarge,
		Detail: fmt.Sprintf("%d bytes; a protocol buffer cannot be larger than 2 GiB", size)}
}

// withoutPath takes the path and the operation off an error of package os: a
// tfkeep.Error names both.
func withoutPath(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// inFile adds the file's name to an error of this package.
func inFile(err error, path string) error {
	var e *tfkeep.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = path
		if e.Op == "parse" {
			e.Op = "read"
		}
	}
	return err
}
