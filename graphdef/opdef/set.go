package opdef

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"io"
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
)

//go:generate go run ../../scripts/oplist -o ops.bin

// opsData is the op list of TensorFlow 2.21 without its documentation, sorted by
// name and deflated.
//
//go:embed ops.bin
var opsData []byte

// Set is a set of op definitions. It decodes an op when the op is first used, so that a
// large set is cheap to make. Several goroutines may use it at the same time.
type Set struct {
	raw map[string][]byte // name → serialized OpDef

	mu      sync.Mutex
	decoded map[string]*graphdef.OpDef
}

var builtin = sync.OnceValues(func() (*Set, error) {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(opsData)))
	if err != nil {
		return nil, err
	}
	return Parse(data)
})

// Builtin returns the op definitions of TensorFlow 2.21, about 1,900. The first
// call unpacks them, which takes about 5 ms.
func Builtin() *Set {
	ops, err := builtin()
	if err != nil {
		// Unreachable: the list is part of this package, and tested.
		return fromList(nil)
	}
	return ops
}

// Parse makes a set of the ops in a serialized OpList, such as the one that
// libtensorflow returns. Bytes that are not an OpList are a tfkeep.ErrCorrupt.
func Parse(opList []byte) (*Set, error) {
	ops := &Set{raw: map[string][]byte{}, decoded: map[string]*graphdef.OpDef{}}
	for b := opList; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || num != 1 || typ != protowire.BytesType {
			return nil, &tfkeep.Error{Op: "parse op list", Err: tfkeep.ErrCorrupt, Detail: "not a serialized OpList"}
		}
		def, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return nil, &tfkeep.Error{Op: "parse op list", Err: tfkeep.ErrCorrupt, Detail: "the list is cut short"}
		}
		ops.raw[opName(def)] = def
		b = b[n+m:]
	}
	return ops, nil
}

// fromList makes a set of the ops in an OpList, such as the stripped op list of a
// meta graph.
func fromList(list *graphdef.OpList) *Set {
	ops := &Set{decoded: map[string]*graphdef.OpDef{}}
	for _, op := range list.GetOp() {
		ops.decoded[op.GetName()] = op
	}
	return ops
}

// opName reads field 1 of a serialized OpDef without decoding the rest.
func opName(def []byte) string {
	for len(def) > 0 {
		num, typ, n := protowire.ConsumeTag(def)
		if n < 0 {
			return ""
		}
		if num == 1 && typ == protowire.BytesType {
			name, _ := protowire.ConsumeBytes(def[n:])
			return string(name)
		}
		m := protowire.ConsumeFieldValue(num, typ, def[n:])
		if m < 0 {
			return ""
		}
		def = def[n+m:]
	}
	return ""
}

// Names returns the names of all ops, sorted. A nil *Set stands for Builtin.
func (s *Set) Names() []string {
	if s == nil {
		s = Builtin()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for name := range s.raw {
		seen[name] = true
	}
	for name := range s.decoded {
		seen[name] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Get returns the definition of an op, or nil if the set does not have it. The
// caller must not change the definition. A nil *Set stands for Builtin.
func (s *Set) Get(name string) *graphdef.OpDef {
	if s == nil {
		s = Builtin()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if def, ok := s.decoded[name]; ok {
		return def
	}
	raw, ok := s.raw[name]
	if !ok {
		return nil
	}
	def := &graphdef.OpDef{}
	if err := proto.Unmarshal(raw, def); err != nil {
		def = nil
	}
	s.decoded[name] = def
	return def
}
