package capi

// #include <stdlib.h>
// #include "library.h"
// #include "threads.h"
import "C"

import (
	"runtime"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// TensorName names an output of an operation.
type TensorName struct {
	Op    string
	Index int
}

// ImportOptions has everything that TF_ImportGraphDefOptions has. Names are those of
// the imported GraphDef, without the prefix.
type ImportOptions struct {
	// Prefix and a slash are put before the imported names.
	Prefix string
	// UniquifyNames renames imported nodes whose names are taken.
	UniquifyNames bool
	// UniquifyPrefix renames the prefix if the graph has a node below it.
	UniquifyPrefix bool
	// DefaultDevice is the device of imported nodes that request none.
	DefaultDevice string
	// InputMapping replaces imported outputs with outputs of the graph.
	InputMapping map[TensorName]tensorflow.Output
	// ControlMapping replaces imported control inputs with operations of the graph.
	ControlMapping map[string]*tensorflow.Operation
	// ControlDependencies run before every imported node.
	ControlDependencies []*tensorflow.Operation
	// ReturnOutputs and ReturnOperations are looked up for the result. For an output
	// that InputMapping replaces, the result has the replacement.
	ReturnOutputs    []TensorName
	ReturnOperations []string
	// SkipColocationCheck accepts colocation with nodes that do not exist, which is an
	// error otherwise.
	SkipColocationCheck bool
}

// ImportResult is the result of Import.
type ImportResult struct {
	Outputs    []tensorflow.Output     // one for each of ReturnOutputs
	Operations []*tensorflow.Operation // one for each of ReturnOperations
	// MissingUnusedInputs has the keys of InputMapping that the imported graph lacks.
	MissingUnusedInputs []TensorName
}

// Import adds the nodes of a serialized GraphDef to g. o may be nil.
func Import(g *tensorflow.Graph, def []byte, o *ImportOptions) (*ImportResult, error) {
	if err := checkGraph(g); err != nil {
		return nil, err
	}
	if o == nil {
		o = new(ImportOptions)
	}
	opts := C.TF_NewImportGraphDefOptions()
	defer C.TF_DeleteImportGraphDefOptions(opts)
	if err := o.fill(g, opts); err != nil {
		return nil, err
	}
	buf := newBuffer(def)
	if buf == nil {
		buf = C.TF_NewBuffer()
	}
	defer C.TF_DeleteBuffer(buf)
	st := newStatus()
	defer st.delete()
	res := C.tfk_import_graph_def(graphHandle(g), buf, opts, st.c)
	runtime.KeepAlive(o)
	runtime.KeepAlive(g)
	if err := st.err(); err != nil {
		return nil, err
	}
	defer C.TF_DeleteImportGraphDefResults(res)
	return importResult(g, res), nil
}

func (o *ImportOptions) fill(g *tensorflow.Graph, opts *C.TF_ImportGraphDefOptions) error {
	// The options copy every string.
	withCString(o.Prefix, func(s *C.char) { C.TF_ImportGraphDefOptionsSetPrefix(opts, s) })
	if o.DefaultDevice != "" {
		withCString(o.DefaultDevice, func(s *C.char) { C.TF_ImportGraphDefOptionsSetDefaultDevice(opts, s) })
	}
	C.TF_ImportGraphDefOptionsSetUniquifyNames(opts, cbool(o.UniquifyNames))
	C.TF_ImportGraphDefOptionsSetUniquifyPrefix(opts, cbool(o.UniquifyPrefix))
	C.TF_ImportGraphDefOptionsSetValidateColocationConstraints(opts, cbool(!o.SkipColocationCheck))
	for src, dst := range o.InputMapping {
		c, err := output(g, dst)
		if err != nil {
			return err
		}
		withCString(src.Op, func(s *C.char) { C.TF_ImportGraphDefOptionsAddInputMapping(opts, s, C.int(src.Index), c) })
	}
	for src, dst := range o.ControlMapping {
		c, err := operation(g, dst)
		if err != nil {
			return err
		}
		withCString(src, func(s *C.char) { C.TF_ImportGraphDefOptionsRemapControlDependency(opts, s, c) })
	}
	for _, op := range o.ControlDependencies {
		c, err := operation(g, op)
		if err != nil {
			return err
		}
		C.TF_ImportGraphDefOptionsAddControlDependency(opts, c)
	}
	for _, out := range o.ReturnOutputs {
		withCString(out.Op, func(s *C.char) { C.TF_ImportGraphDefOptionsAddReturnOutput(opts, s, C.int(out.Index)) })
	}
	for _, name := range o.ReturnOperations {
		withCString(name, func(s *C.char) { C.TF_ImportGraphDefOptionsAddReturnOperation(opts, s) })
	}
	return nil
}

func importResult(g *tensorflow.Graph, res *C.TF_ImportGraphDefResults) *ImportResult {
	var (
		n       C.int
		couts   *C.TF_Output
		cops    **C.TF_Operation
		names   **C.char
		indexes *C.int
		r       = new(ImportResult)
	)
	C.TF_ImportGraphDefResultsReturnOutputs(res, &n, &couts)
	r.Outputs = newOutputs(unsafe.Slice(couts, int(n)), g)
	C.TF_ImportGraphDefResultsReturnOperations(res, &n, &cops)
	r.Operations = newOperations(unsafe.Slice(cops, int(n)), g)
	C.TF_ImportGraphDefResultsMissingUnusedInputMappings(res, &n, &names, &indexes)
	cnames, cindexes := unsafe.Slice(names, int(n)), unsafe.Slice(indexes, int(n))
	for i := range cnames {
		r.MissingUnusedInputs = append(r.MissingUnusedInputs, TensorName{C.GoString(cnames[i]), int(cindexes[i])})
	}
	return r
}

func withCString(s string, f func(*C.char)) {
	c := C.CString(s)
	defer C.free(unsafe.Pointer(c))
	f(c)
}

func cbool(b bool) C.uchar {
	if b {
		return 1
	}
	return 0
}
