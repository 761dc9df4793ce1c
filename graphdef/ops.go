package graphdef

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"io"
	"sort"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
)

//go:generate go run ../scripts/oplist -o ops.bin

// opsData is the op list of TensorFlow 2.21, documentation removed, sorted by
// name and deflated.
//
//go:embed ops.bin
var opsData []byte

// Ops is a set of op definitions. It decodes an op when it is first asked for,
// so that making one costs little however many ops it has. It may be used from
// many goroutines at once.
type Ops struct {
	raw map[string][]byte // name → serialized OpDef

	mu      sync.Mutex
	decoded map[string]*OpDef
}

var builtinOps = sync.OnceValues(func() (*Ops, error) {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(opsData)))
	if err != nil {
		return nil, err
	}
	return NewOps(data)
})

// BuiltinOps gives the op definitions of TensorFlow 2.21, about 1,900. The
// first call unpacks them, in about 5 ms.
func BuiltinOps() *Ops {
	ops, err := builtinOps()
	if err != nil {
		// Unreachable: the list is part of this package, and tested.
		return &Ops{decoded: map[string]*OpDef{}}
	}
	return ops
}

// NewOps makes a set of the ops in a serialized OpList, such as the one that
// libtensorflow gives out. It fails where that is none, with tfkeep.ErrCorrupt.
func NewOps(opList []byte) (*Ops, error) {
	ops := &Ops{raw: map[string][]byte{}, decoded: map[string]*OpDef{}}
	for b := opList; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || num != 1 || typ != protowire.BytesType {
			return nil, &tfkeep.Error{Op: "op list", Err: tfkeep.ErrCorrupt, Detail: "no serialized OpList"}
		}
		def, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return nil, &tfkeep.Error{Op: "op list", Err: tfkeep.ErrCorrupt, Detail: "cut short"}
		}
		ops.raw[opName(def)] = def
		b = b[n+m:]
	}
	return ops, nil
}

// NewOpsFromList makes a set of the ops in an OpList, such as the stripped op
// list of a meta graph.
func NewOpsFromList(list *OpList) *Ops {
	ops := &Ops{decoded: map[string]*OpDef{}}
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

// Get gives the definition of an op, or nil where the set lacks it. The caller
// must not change it.
func (o *Ops) Get(name string) *OpDef {
	o.mu.Lock()
	defer o.mu.Unlock()
	if def, ok := o.decoded[name]; ok {
		return def
	}
	raw, ok := o.raw[name]
	if !ok {
		return nil
	}
	def := &OpDef{}
	if err := proto.Unmarshal(raw, def); err != nil {
		def = nil
	}
	o.decoded[name] = def
	return def
}

// Has says whether the set has an op.
func (o *Ops) Has(name string) bool { return o.Get(name) != nil }

// Names gives the names of all ops, sorted.
func (o *Ops) Names() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := map[string]bool{}
	for name := range o.raw {
		seen[name] = true
	}
	for name := range o.decoded {
		seen[name] = true
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// orBuiltin is the default of every ops argument of this package.
func (o *Ops) orBuiltin() *Ops {
	if o == nil {
		return BuiltinOps()
	}
	return o
}
