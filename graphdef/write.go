package graphdef

import (
	"fmt"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// WriteOptions configures [Write]. Nil and the zero value are the defaults.
type WriteOptions struct {
	// Text writes protobuf text. The default is binary.
	Text bool
	// NoSync leaves it to the operating system when the file reaches the disk. Other
	// processes still see the old file or the new one, but after a power cut there may
	// be neither.
	NoSync bool
}

// MarshalBinary returns the bytes of a message, always the same for the same message:
// fields by number, maps by key. A message over 2 GiB is a tfkeep.ErrTooLarge.
//
// These are the bytes of Python's SerializeToString except in three points, none of which
// changes the message: the entries of a map are sorted, which Python's are not; the set
// member of a oneof comes after the other fields (this concerns TensorInfo, SavedObject,
// Event and Summary.Value); and fields that the Go types lack come last in their message, as
// they were read.
func MarshalBinary(m proto.Message) ([]byte, error) {
	if m == nil {
		return nil, argcheck.Nil("marshal", "", "message")
	}
	opts := proto.MarshalOptions{Deterministic: true}
	size := opts.Size(m)
	if int64(size) > maxSize {
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

// Write writes a message, one of the three kinds or any other, to a file. It makes
// missing directories and replaces an existing file in one atomic step. The same
// message always becomes the same bytes.
func Write(file string, m proto.Message, o *WriteOptions) error {
	if o == nil {
		o = &WriteOptions{}
	}
	data, err := marshal(m, o.Text)
	if err != nil {
		return inFile(err, file)
	}
	if err := vfs.OS.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return &tfkeep.Error{Op: "write", Path: file, Cause: withoutPath(err)}
	}
	if err := vfs.WriteFileAtomic(vfs.OS, file, data, !o.NoSync); err != nil {
		return &tfkeep.Error{Op: "write", Path: file, Cause: withoutPath(err)}
	}
	return nil
}

func marshal(m proto.Message, text bool) ([]byte, error) {
	if text {
		return MarshalText(m)
	}
	return MarshalBinary(m)
}
