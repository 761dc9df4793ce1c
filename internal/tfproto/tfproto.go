package tfproto

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"io"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

//go:generate ../../.venv/bin/python ../../scripts/descriptors.py .

var (
	// graph is a FileDescriptorSet of the files that models, checkpoints and events are
	// made of, deflated.
	//
	//go:embed graph.bin
	graph []byte
	// rest has all other files of TensorFlow 2.21.
	//
	//go:embed rest.bin
	rest []byte
)

// definitions are the files that were unpacked so far. The graph's come first and take 3 ms;
// all others take 10 ms, and only an Any of a rare type needs them.
var definitions struct {
	sync.Mutex
	files *protoregistry.Files
	left  [][]byte // the sets that were not unpacked yet
}

func init() { definitions.left = [][]byte{graph, rest} }

// Message returns TensorFlow 2.21's definition of a message, such as
// "tensorflow.GraphDef", or nil if TensorFlow has no message of that name.
func Message(name protoreflect.FullName) protoreflect.MessageDescriptor {
	d := &definitions
	d.Lock()
	defer d.Unlock()
	if d.files == nil {
		d.files = &protoregistry.Files{}
	}
	for {
		if found, err := d.files.FindDescriptorByName(name); err == nil {
			md, _ := found.(protoreflect.MessageDescriptor)
			return md
		}
		if len(d.left) == 0 {
			return nil
		}
		err := unpack(d.left[0], d.files)
		d.left = d.left[1:]
		if err != nil {
			return nil // unreachable: the definitions are part of this package, and tested
		}
	}
}

// unpack adds the files of a deflated FileDescriptorSet.
func unpack(deflated []byte, to *protoregistry.Files) error {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	if err != nil {
		return err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, set); err != nil {
		return err
	}
	for _, file := range set.File {
		fd, err := protodesc.NewFile(file, to)
		if err != nil {
			return err
		}
		if err := to.RegisterFile(fd); err != nil {
			return err
		}
	}
	return nil
}
