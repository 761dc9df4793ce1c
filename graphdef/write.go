package graphdef

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// WriteOptions says how Write writes. Nil and the zero value are the defaults.
type WriteOptions struct {
	// Text writes protobuf text; default binary.
	Text bool
	// NoSync leaves out the fsyncs. The file is then still whole or absent for
	// other processes, but perhaps not after a power cut.
	NoSync bool
	// FS is the file system to write to; nil is the operating system's.
	FS vfs.FS
}

// MarshalBinary gives a message's bytes, always the same for the same message:
// fields by number, maps by key.
// A message over 2 GiB is an error of kind tfkeep.ErrTooLarge.
func MarshalBinary(m proto.Message) ([]byte, error) {
	opts := proto.MarshalOptions{Deterministic: true}
	size := opts.Size(m)
	if int64(size) > MaxSize {
		return nil, &tfkeep.Error{Op: "marshal", Err: tfkeep.ErrTooLarge,
			Detail: fmt.Sprintf("%s cannot be larger than 2GB. Received size: %d.", m.ProtoReflect().Descriptor().Name(), size)}
	}
	opts.UseCachedSize = true
	data, err := opts.Marshal(m)
	if err != nil {
		return nil, &tfkeep.Error{Op: "marshal", Err: tfkeep.ErrArgument, Cause: err}
	}
	return data, nil
}

// Write writes a message to a file, replacing one that is there: atomically,
// deterministically, making directories that are missing.
func Write(file string, m proto.Message, o *WriteOptions) error {
	if o == nil {
		o = &WriteOptions{}
	}
	data, err := marshal(m, o.Text)
	if err != nil {
		return inFile(err, file)
	}
	fsys := o.FS
	if fsys == nil {
		fsys = vfs.OS
	}
	if err := fsys.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return &tfkeep.Error{Op: "write", Path: file, Cause: err}
	}
	if err := vfs.WriteFileAtomic(fsys, file, data, !o.NoSync); err != nil {
		return &tfkeep.Error{Op: "write", Path: file, Cause: err}
	}
	return nil
}

// WriteGraph writes a graph, or any message of its kin (a MetaGraphDef, a
// SaverDef, …), to dir/name as text or binary and returns that path, which may
// have directories in name too. It is TensorFlow's write_graph; see Write for
// what it promises.
func WriteGraph(m proto.Message, dir, name string, asText bool) (string, error) {
	file := join(dir, name)
	return file, Write(file, m, &WriteOptions{Text: asText})
}

// join is os.path.join, which does not clean: the path comes back as it was
// given.
func join(dir, name string) string {
	if dir == "" || filepath.IsAbs(name) || path.IsAbs(name) {
		return name
	}
	if strings.HasSuffix(dir, "/") || strings.HasSuffix(dir, string(filepath.Separator)) {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

func marshal(m proto.Message, text bool) ([]byte, error) {
	if text {
		return MarshalText(m), nil
	}
	return MarshalBinary(m)
}
