package graphdef

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filekind"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/textformat"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

const (
	// maxSize is the size of the largest message that protocol buffers can hold, and
	// so of the largest file that is read: 2 GiB less one byte.
	maxSize = math.MaxInt32
	// maxNesting is the depth to which messages may nest, text or binary. It is the
	// limit of TensorFlow's C++ and Python, so that they can read what is read here.
	maxNesting = textformat.MaxNesting
)

// ReadGraphDef reads a GraphDef file, text or binary according to its content.
//
// The error is a tfkeep.ErrNotFound, a tfkeep.ErrMismatch for a file of another kind
// that it names, a tfkeep.ErrCorrupt or a tfkeep.ErrTooLarge.
func ReadGraphDef(path string) (*GraphDef, error) {
	return readAs[*GraphDef](path, kindGraphDef)
}

// ReadOptions configures [ReadMetaGraphDef]. Nil and the zero value are the defaults.
type ReadOptions struct {
	// SerializedGraph, if not nil, receives the bytes of the GraphDef as they are in
	// the file, for a caller who passes them on unchanged. They are nil if the file
	// is text.
	SerializedGraph *[]byte
}

// ReadMetaGraphDef reads a MetaGraphDef, the content of a ".meta" file, text or binary
// according to its content. It returns the same errors as [ReadGraphDef].
func ReadMetaGraphDef(path string, o *ReadOptions) (*MetaGraphDef, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	mg, err := parseAs[*MetaGraphDef](path, data, kindMetaGraphDef)
	if err != nil {
		return nil, inFile(err, path)
	}
	if o != nil && o.SerializedGraph != nil {
		// Text never parses as the fields of a MetaGraphDef up to its end.
		*o.SerializedGraph, _ = splitOff(data, 2)
	}
	return mg, nil
}

// ReadSavedModel reads a SavedModel, given its directory or the file saved_model.pb or
// saved_model.pbtxt itself. It returns the same errors as [ReadGraphDef].
func ReadSavedModel(path string) (*SavedModel, error) {
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		file, err := savedModelIn(path)
		if err != nil {
			return nil, err
		}
		path = file
	}
	return readAs[*SavedModel](path, kindSavedModel)
}

// Read reads a file of any of the three kinds, or the SavedModel in a directory. The
// message is a *GraphDef, a *MetaGraphDef or a *SavedModel.
func Read(path string) (proto.Message, error) {
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		return ReadSavedModel(path)
	}
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	m, err := parseNamed(path, data)
	return m, inFile(err, path)
}

// ParseGraphDef parses the content of a GraphDef file, text or binary.
func ParseGraphDef(data []byte) (*GraphDef, error) {
	return parseAs[*GraphDef]("", data, kindGraphDef)
}

// ParseMetaGraphDef parses the content of a ".meta" file, text or binary.
func ParseMetaGraphDef(data []byte) (*MetaGraphDef, error) {
	return parseAs[*MetaGraphDef]("", data, kindMetaGraphDef)
}

// ParseSavedModel parses the content of a saved_model.pb or saved_model.pbtxt.
func ParseSavedModel(data []byte) (*SavedModel, error) {
	return parseAs[*SavedModel]("", data, kindSavedModel)
}

// Parse parses a message of any of the three kinds: a *GraphDef, a *MetaGraphDef or a
// *SavedModel. The kind is the one as which the data parses completely and makes sense.
// Bytes that can be several kinds, such as a message with a single empty field, are a
// SavedModel rather than a MetaGraphDef, and that rather than a GraphDef.
func Parse(data []byte) (proto.Message, error) { return parseNamed("", data) }

// parseNamed is Parse for a file whose name decides where the content does not.
func parseNamed(path string, data []byte) (proto.Message, error) {
	first := promised(path)
	var errs []error
	for _, strict := range []bool{true, false} {
		for _, k := range inOrder(first) {
			m, err := parse(path, data, k, strict)
			if err == nil {
				return m, nil
			}
			if errors.Is(err, tfkeep.ErrTooLarge) {
				return nil, err
			}
			if strict {
				errs = append(errs, err)
			}
		}
		if looksLikeText(data) {
			break // text is as strict at once
		}
	}
	if len(data) == 0 || likelyFormat(path, data) != "" {
		return nil, neither(path, data)
	}
	// If the data starts like one kind, what is wrong with that one is what to say.
	if best := furthest(errs); best != nil {
		return nil, best
	}
	if first != "" {
		return nil, errs[0]
	}
	return nil, neither(path, data)
}

func neither(path string, data []byte) error {
	detail := "neither a GraphDef nor a MetaGraphDef nor a SavedModel, in text or binary" + likelyFormat(path, data)
	if len(data) == 0 {
		detail = "0 bytes are neither a GraphDef nor a MetaGraphDef nor a SavedModel; was a write cut short?"
	}
	return &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt, Detail: detail}
}

// furthest returns the error of the kind as which text parses furthest, or nil if it does
// not even start like one.
func furthest(errs []error) error {
	var best error
	line, column := 1, 1
	for _, err := range errs {
		place, ok := errors.AsType[*textformat.Error](err)
		if ok && (place.Line > line || place.Line == line && place.Column > column) {
			best, line, column = err, place.Line, place.Column
		}
	}
	return best
}

func readAs[M proto.Message](path string, k kind) (M, error) {
	data, err := readFile(path)
	if err != nil {
		var none M
		return none, err
	}
	m, err := parseAs[M](path, data, k)
	return m, inFile(err, path)
}

// parseAs is parse with a better error: if the bytes are a valid message of another
// kind, it names that kind.
func parseAs[M proto.Message](path string, data []byte, k kind) (M, error) {
	m, err := parse(path, data, k, true)
	if err == nil {
		return m.(M), nil
	}
	var none M
	if errors.Is(err, tfkeep.ErrTooLarge) {
		return none, err
	}
	for _, other := range kinds {
		if other == k {
			continue
		}
		if _, otherErr := parse(path, data, other, true); otherErr == nil {
			return none, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrMismatch,
				Detail: fmt.Sprintf("this is a %s, not a %s", other, k)}
		}
	}
	if m, err := parse(path, data, k, false); err == nil {
		return m.(M), nil
	}
	return none, err
}

// parse parses data as one kind, binary first and then text, as TensorFlow does. A strict
// one refuses binary data that does not make sense, which another kind may do. If none does,
// data is what it parses as.
func parse(path string, data []byte, k kind, strict bool) (proto.Message, error) {
	if len(data) == 0 {
		return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("0 bytes are not a %s; was a write cut short?", k)}
	}
	if int64(len(data)) > maxSize {
		return nil, tooLarge("parse", int64(len(data)))
	}
	bad := func(cause error, format string) error {
		e := &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt, Cause: cause, Detail: fmt.Sprintf(format, k)}
		if is := likelyFormat(path, data); is != "" {
			e.Cause, e.Detail = nil, fmt.Sprintf("not a %s%s", k, is)
		}
		return e
	}
	m := k.newMessage()
	text, fit := looksLikeText(data), fits(data, k)
	if fit || !text {
		err := unmarshal(data, m)
		if err == nil && fit && plausible(m) && (sensible(m) || !strict && likelyFormat(path, data) == "") {
			return m, nil
		}
		if !text {
			if err == nil {
				err = fmt.Errorf("its fields are not those of a %s", k)
			}
			return nil, bad(err, "not a %s in binary, and not text")
		}
	}
	m = k.newMessage()
	if err := textformat.Unmarshal(data, m); err != nil {
		return nil, bad(err, "not a %s in text")
	}
	if blank(m) {
		return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("text without a single field is not a %s", k)}
	}
	if !plausible(m) {
		return nil, &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("text of a %s without content, or with nodes that have neither name nor op", k)}
	}
	return m, nil
}

// looksLikeText reports whether data can be protobuf text: valid UTF-8 without control
// characters other than white space. Text escapes all others.
func looksLikeText(data []byte) bool {
	for _, c := range data {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\v' {
			return false
		}
	}
	return utf8.Valid(data)
}

// likelyFormat calls the files that people most often pass by mistake what they are.
func likelyFormat(path string, data []byte) string {
	if strings.HasSuffix(string(data[max(0, len(data)-len(tableMagic)):]), tableMagic) {
		return tableFormat
	}
	if what := filekind.Of(path, data[:min(len(data), filekind.HeadSize)]); what != "" {
		return " (this is " + what + ")"
	}
	return ""
}

func readFile(path string) ([]byte, error) {
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		return nil, &tfkeep.Error{Op: "read", Path: path, Err: tfkeep.ErrMismatch, Detail: "this is a directory, not a file"}
	}
	f, err := vfs.OS.Open(path)
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
	if endsLikeTable(f, fi.Size()) {
		return nil, &tfkeep.Error{Op: "read", Path: path, Err: tfkeep.ErrCorrupt, Detail: "not a graph" + tableFormat}
	}
	if fi.Size() > maxSize {
		return nil, inFile(tooLarge("read", fi.Size()), path)
	}
	if err := vfs.CheckHoles(path, f, fi); err != nil {
		return nil, err
	}
	data := make([]byte, fi.Size())
	n, err := io.ReadFull(f, data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &tfkeep.Error{Op: "read", Path: path, Cause: withoutPath(err)}
	}
	return data[:n], nil
}

// tableMagic is the end of every table: the index of a checkpoint, or a V1 checkpoint.
const tableMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"

const tableFormat = " (this is a checkpoint's table, such as its .index file; the graph is in the .meta file)"

// endsLikeTable reports whether a file is a table, which unlike a graph may be too large
// to read.
func endsLikeTable(f io.ReaderAt, size int64) bool {
	end := make([]byte, len(tableMagic))
	n, _ := f.ReadAt(end, max(0, size-int64(len(end))))
	return string(end[:n]) == tableMagic
}

func savedModelIn(dir string) (string, error) {
	for _, name := range []string{modeldir.FilenamePB, modeldir.FilenamePBText} {
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && !fi.IsDir() {
			return path, nil
		}
	}
	detail, kind := modeldir.WhyNoModel(vfs.IOFS(vfs.OS, dir))
	return "", &tfkeep.Error{Op: "read", Path: dir, Err: kind,
		Detail: fmt.Sprintf("SavedModel file does not exist at: %s/{%s|%s}: %s", dir, modeldir.FilenamePBText, modeldir.FilenamePB, detail)}
}

func tooLarge(op string, size int64) error {
	return &tfkeep.Error{Op: op, Err: tfkeep.ErrTooLarge,
		Detail: fmt.Sprintf("%d bytes; a protocol buffer cannot be larger than 2 GiB: keep large constants as variables, in a checkpoint beside the graph", size)}
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
