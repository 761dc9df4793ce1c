package capi

// #include "call.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/dtype"
)

// Call is a step prepared once and run many times: its feeds, fetches and
// targets lie in C memory, so that a run is one call from Go to C. It may be
// run from many goroutines at a time.
type Call struct {
	session *tensorflow.Session
	graph   *tensorflow.Graph
	feeds   []feed
	nfetch  int
	ntarget int
	options *C.TF_Buffer

	mu     sync.Mutex
	idle   []*C.tfk_call // one for each run that was ever under way at a time
	proto  *C.tfk_call
	closed bool
	active int
}

// feed is what a fed tensor must be.
type feed struct {
	output tensorflow.Output
	dtype  tensorflow.DataType
	rank   int // -1 unknown
	shape  []int64
}

// Prepare checks feeds, fetches and targets and lays them out in C memory.
// options is a serialized RunOptions, or nil. Close the call when it is done.
func Prepare(s *tensorflow.Session, g *tensorflow.Graph, feeds, fetches []tensorflow.Output, targets []*tensorflow.Operation, options []byte) (*Call, error) {
	if _, err := enter(s); err != nil {
		return nil, err
	}
	defer leave(s)
	proto := C.tfk_new_call(C.int(len(feeds)), C.int(len(fetches)), C.int(len(targets)))
	if proto == nil {
		return nil, errorf(ResourceExhausted, "no memory for a prepared call")
	}
	call := &Call{session: s, graph: g, feeds: make([]feed, len(feeds)), nfetch: len(fetches), ntarget: len(targets), proto: proto}
	if err := call.fill(feeds, fetches, targets); err != nil {
		C.tfk_delete_call(proto)
		return nil, err
	}
	call.idle = append(call.idle, proto)
	call.options = newBuffer(options)
	live.calls.Add(1)
	runtime.SetFinalizer(call, (*Call).Close)
	return call, nil
}

func (call *Call) fill(feeds, fetches []tensorflow.Output, targets []*tensorflow.Operation) error {
	cfeeds := unsafe.Slice(call.proto.feeds, len(feeds))
	ctypes := unsafe.Slice(call.proto.feed_types, len(feeds))
	seen := make(map[C.TF_Output]bool, len(feeds))
	for i, o := range feeds {
		c, err := output(call.graph, o)
		if err != nil {
			return err
		}
		if seen[c] {
			return errorf(InvalidArgument, "%s is fed twice", outputName(o))
		}
		seen[c] = true
		cfeeds[i] = c
		call.feeds[i] = describe(o)
		ctypes[i] = C.TF_DataType(call.feeds[i].dtype)
	}
	cfetches := unsafe.Slice(call.proto.fetches, len(fetches))
	for i, o := range fetches {
		c, err := output(call.graph, o)
		if err != nil {
			return err
		}
		cfetches[i] = c
	}
	ctargets := unsafe.Slice(call.proto.targets, len(targets))
	for i, op := range targets {
		c, err := operation(call.graph, op)
		if err != nil {
			return err
		}
		ctargets[i] = c
	}
	return nil
}

// describe is what the graph says of a fed output.
func describe(o tensorflow.Output) feed {
	f := feed{output: o, dtype: dtype.Base(o.DataType()), rank: -1}
	if shape := o.Shape(); shape.NumDimensions() >= 0 {
		f.rank = shape.NumDimensions()
		f.shape = make([]int64, f.rank)
		for i := range f.shape {
			f.shape[i] = shape.Size(i)
		}
	}
	return f
}

func outputName(o tensorflow.Output) string {
	return o.Op.Name() + ":" + itoa(o.Index)
}

// accepts says whether a tensor of shape may be fed.
func (f *feed) accepts(shape []int64) bool {
	if f.rank < 0 {
		return true
	}
	if len(shape) != f.rank {
		return false
	}
	for i, d := range f.shape {
		if d >= 0 && d != shape[i] {
			return false
		}
	}
	return true
}

func (call *Call) take() (*C.tfk_call, error) {
	call.mu.Lock()
	defer call.mu.Unlock()
	if call.closed {
		return nil, errorf(FailedPrecondition, "the prepared call is closed")
	}
	if n := len(call.idle); n > 0 {
		c := call.idle[n-1]
		call.idle = call.idle[:n-1]
		call.active++
		return c, nil
	}
	c := C.tfk_new_call(C.int(len(call.feeds)), C.int(call.nfetch), C.int(call.ntarget))
	if c == nil {
		return nil, errorf(ResourceExhausted, "no memory for a prepared call")
	}
	copy(unsafe.Slice(c.feeds, len(call.feeds)), unsafe.Slice(call.proto.feeds, len(call.feeds)))
	copy(unsafe.Slice(c.feed_types, len(call.feeds)), unsafe.Slice(call.proto.feed_types, len(call.feeds)))
	copy(unsafe.Slice(c.fetches, call.nfetch), unsafe.Slice(call.proto.fetches, call.nfetch))
	copy(unsafe.Slice(c.targets, call.ntarget), unsafe.Slice(call.proto.targets, call.ntarget))
	call.active++
	return c, nil
}

func (call *Call) put(c *C.tfk_call) {
	call.mu.Lock()
	defer call.mu.Unlock()
	call.active--
	call.idle = append(call.idle, c)
	if call.closed && call.active == 0 {
		call.free()
	}
}

// free gives the C memory back; no run is under way.
func (call *Call) free() {
	for _, c := range call.idle {
		C.tfk_delete_call(c)
	}
	call.idle, call.proto = nil, nil
	if call.options != nil {
		C.TF_DeleteBuffer(call.options)
		call.options = nil
	}
	live.calls.Add(-1)
}

// Close frees the call's C memory once the runs under way are over. A second
// call does nothing.
func (call *Call) Close() {
	call.mu.Lock()
	defer call.mu.Unlock()
	if call.closed {
		return
	}
	call.closed = true
	runtime.SetFinalizer(call, nil)
	if call.active == 0 {
		call.free()
	}
}

// Run feeds tensors, in the order of the prepared feeds, and fills fetched, in
// the order of the prepared fetches, with tensors that the caller releases.
func (call *Call) Run(tensors, fetched []*tensorflow.Tensor) error {
	return call.run(tensors, fetched, nil, nil)
}

// RunWithOptions is Run with a serialized RunOptions in place of the prepared
// one.
func (call *Call) RunWithOptions(tensors, fetched []*tensorflow.Tensor, options []byte) error {
	buf := newBuffer(options)
	if buf != nil {
		defer C.TF_DeleteBuffer(buf)
	}
	return call.run(tensors, fetched, buf, nil)
}

func (call *Call) runWithMetadata(tensors []*tensorflow.Tensor) ([]*tensorflow.Tensor, []byte, error) {
	metadata := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(metadata)
	fetched := make([]*tensorflow.Tensor, call.nfetch)
	if err := call.run(tensors, fetched, nil, metadata); err != nil {
		return nil, nil, err
	}
	return fetched, bufferBytes(metadata), nil
}

func (call *Call) run(tensors, fetched []*tensorflow.Tensor, options, metadata *C.TF_Buffer) error {
	if len(tensors) != len(call.feeds) {
		return errorf(InvalidArgument, "%d tensors for %d feeds", len(tensors), len(call.feeds))
	}
	if len(fetched) != call.nfetch {
		return errorf(InvalidArgument, "room for %d results of %d fetches", len(fetched), call.nfetch)
	}
	c, err := call.take()
	if err != nil {
		return err
	}
	defer call.put(c)
	if options == nil {
		options = call.options
	}
	ctensors := unsafe.Slice(c.feed_tensors, len(tensors))
	for i, t := range tensors {
		if Released(t) {
			return errorf(InvalidArgument, "the tensor fed to %s is nil or was released", outputName(call.feeds[i].output))
		}
		if !call.feeds[i].accepts(t.Shape()) {
			return call.feeds[i].mismatch(t)
		}
		ctensors[i] = tensorHandle(t)
	}
	session, err := enter(call.session)
	if err != nil {
		return err
	}
	bad := int(C.tfk_run(session, c, options, metadata))
	leave(call.session)
	runtime.KeepAlive(tensors)
	if bad > 0 {
		return call.feeds[bad-1].mismatch(tensors[bad-1])
	}
	if err := statusError(c.status); err != nil {
		return err
	}
	call.results(c, fetched)
	return nil
}

// results makes Go tensors of what a run left in c.
func (call *Call) results(c *C.tfk_call, fetched []*tensorflow.Tensor) {
	ctensors := unsafe.Slice(c.fetch_tensors, call.nfetch)
	cshapes := unsafe.Slice(c.fetch_shapes, call.nfetch)
	for i, ct := range ctensors {
		var shape []int64
		switch n := int(cshapes[i].num_dims); {
		case n > C.tfk_max_dims:
			shape = shapeOf(ct)
		case n > 0:
			shape = make([]int64, n)
			for d := range shape {
				shape[d] = int64(cshapes[i].dims[d])
			}
		}
		fetched[i] = newTensor(ct, shape)
	}
}

// mismatch says what may be fed in place of t.
func (f *feed) mismatch(t *tensorflow.Tensor) error {
	return errorf(InvalidArgument, "cannot feed a tensor of type %s and shape %v to %s, which takes type %s and shape %s",
		dtype.Name(t.DataType()), t.Shape(), outputName(f.output), dtype.Name(f.dtype), f.output.Shape())
}
