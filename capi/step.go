package capi

// #include "step.h"
import "C"

import (
	"runtime"
	"slices"
	"strconv"
	"sync"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/status"
)

// Step is a step that is prepared once and run many times. Its feeds, fetches and
// targets are in C memory, so that a run is one call from Go to C. Goroutines may run
// it at the same time.
type Step struct {
	session *tensorflow.Session
	graph   *tensorflow.Graph
	feeds   []feed
	fetches int // in all
	// computed are the positions of the fetches that the run computes, and fed the feeds of
	// the others: TensorFlow refuses to fetch what is fed.
	computed []int
	fed      map[int]int
	// fedResults are the keys of fed, in order.
	fedResults []int
	targets    int
	options    *C.TF_Buffer

	mu     sync.Mutex
	idle   []*C.tfk_step // as many as runs were ever active at the same time
	proto  *C.tfk_step
	closed bool
	active int
}

// feed describes the tensors that one feed takes.
type feed struct {
	output tensorflow.Output
	dtype  tensorflow.DataType
	rank   int // -1 if unknown
	shape  []int64
}

// NewStep checks feeds, fetches and targets, which belong to g, the graph of s, and
// lays them out in C memory. options is a serialized RunOptions or nil. The caller
// closes the step.
func NewStep(s *tensorflow.Session, g *tensorflow.Graph, feeds, fetches []tensorflow.Output, targets []*tensorflow.Operation, options []byte) (*Step, error) {
	if err := checkGraph(g); err != nil {
		return nil, err
	}
	if _, err := enter(s); err != nil {
		return nil, err
	}
	defer leave(s)
	step := &Step{session: s, graph: g, feeds: make([]feed, len(feeds)), fetches: len(fetches), targets: len(targets)}
	for _, o := range slices.Concat(feeds, fetches) {
		if _, err := output(g, o); err != nil {
			return nil, err
		}
	}
	fetches = step.splitFetches(feeds, fetches)
	proto := C.tfk_new_step(C.int(len(feeds)), C.int(len(fetches)), C.int(len(targets)))
	if proto == nil {
		return nil, errNoStepMemory
	}
	step.proto = proto
	if err := step.fill(feeds, fetches, targets); err != nil {
		C.tfk_delete_step(proto)
		return nil, err
	}
	noteGraph(s, g)
	step.idle = append(step.idle, proto)
	step.options = newBuffer(options)
	live.Steps.Add(1)
	runtime.SetFinalizer(step, (*Step).Close)
	return step, nil
}

var (
	errNoStepMemory = status.Errorf(status.ResourceExhausted, "no memory for a prepared step")
	errStepNil      = invalidf("the step is nil")
	errStepClosed   = status.Errorf(status.FailedPrecondition, "the prepared step is closed")
)

// splitFetches returns the fetches that are not fed.
func (step *Step) splitFetches(feeds, fetches []tensorflow.Output) []tensorflow.Output {
	if len(feeds) == 0 || len(fetches) == 0 {
		for i := range fetches {
			step.computed = append(step.computed, i)
		}
		return fetches
	}
	isFed := make(map[TensorName]int, len(feeds))
	for i, o := range feeds {
		if o.Op != nil {
			isFed[TensorName{o.Op.Name(), o.Index}] = i
		}
	}
	computed := make([]tensorflow.Output, 0, len(fetches))
	for i, fetch := range fetches {
		n, ok := -1, false
		if fetch.Op != nil {
			n, ok = isFed[TensorName{fetch.Op.Name(), fetch.Index}]
		}
		if ok {
			if step.fed == nil {
				step.fed = make(map[int]int)
			}
			step.fed[i] = n
			step.fedResults = append(step.fedResults, i)
			continue
		}
		step.computed = append(step.computed, i)
		computed = append(computed, fetch)
	}
	return computed
}

func (step *Step) fill(feeds, fetches []tensorflow.Output, targets []*tensorflow.Operation) error {
	cfeeds := unsafe.Slice(step.proto.feeds, len(feeds))
	ctypes := unsafe.Slice(step.proto.feed_types, len(feeds))
	seen := make(map[C.TF_Output]bool, len(feeds))
	for i, o := range feeds {
		c, err := output(step.graph, o)
		if err != nil {
			return err
		}
		if seen[c] {
			return invalidf("%s is fed twice", outputName(o))
		}
		seen[c] = true
		cfeeds[i] = c
		step.feeds[i] = newFeed(o)
		ctypes[i] = C.TF_DataType(step.feeds[i].dtype)
	}
	cfetches := unsafe.Slice(step.proto.fetches, len(fetches))
	for i, o := range fetches {
		c, err := output(step.graph, o)
		if err != nil {
			return err
		}
		cfetches[i] = c
	}
	ctargets := unsafe.Slice(step.proto.targets, len(targets))
	for i, op := range targets {
		c, err := operation(step.graph, op)
		if err != nil {
			return err
		}
		ctargets[i] = c
	}
	return nil
}

// newFeed describes o with the type and shape that the graph knows.
func newFeed(o tensorflow.Output) feed {
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

func outputName(o tensorflow.Output) string { return o.Op.Name() + ":" + strconv.Itoa(o.Index) }

// accepts reports whether a tensor of shape may be fed.
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

// take returns a C step that no other run uses.
func (step *Step) take() (*C.tfk_step, error) {
	step.mu.Lock()
	defer step.mu.Unlock()
	if step.closed {
		return nil, errStepClosed
	}
	if step.proto == nil { // NewStep has not made the step
		return nil, errStepNil
	}
	if n := len(step.idle); n > 0 {
		c := step.idle[n-1]
		step.idle = step.idle[:n-1]
		step.active++
		return c, nil
	}
	c := C.tfk_new_step(C.int(len(step.feeds)), C.int(len(step.computed)), C.int(step.targets))
	if c == nil {
		return nil, errNoStepMemory
	}
	copy(unsafe.Slice(c.feeds, len(step.feeds)), unsafe.Slice(step.proto.feeds, len(step.feeds)))
	copy(unsafe.Slice(c.feed_types, len(step.feeds)), unsafe.Slice(step.proto.feed_types, len(step.feeds)))
	copy(unsafe.Slice(c.fetches, len(step.computed)), unsafe.Slice(step.proto.fetches, len(step.computed)))
	copy(unsafe.Slice(c.targets, step.targets), unsafe.Slice(step.proto.targets, step.targets))
	step.active++
	return c, nil
}

// put returns what take returned.
func (step *Step) put(c *C.tfk_step) {
	step.mu.Lock()
	defer step.mu.Unlock()
	step.active--
	step.idle = append(step.idle, c)
	if step.closed && step.active == 0 {
		step.free()
	}
}

// free frees the C memory. No run may be active.
func (step *Step) free() {
	for _, c := range step.idle {
		C.tfk_delete_step(c)
	}
	step.idle, step.proto = nil, nil
	if step.options != nil {
		C.TF_DeleteBuffer(step.options)
		step.options = nil
	}
	live.Steps.Add(-1)
}

// Close frees the step's C memory as soon as no run is active. A second call does
// nothing.
func (step *Step) Close() {
	step.mu.Lock()
	defer step.mu.Unlock()
	if step.closed {
		return
	}
	step.closed = true
	runtime.SetFinalizer(step, nil)
	if step.active == 0 {
		step.free()
	}
}

// Run feeds tensors, in the order of the prepared feeds, and fills results, in the
// order of the prepared fetches, with tensors that the caller releases. A result that is a
// tensor already gets the new value and shape, and its old C tensor is freed; if the run fails,
// it keeps its value. options, if not nil, is a serialized RunOptions that replaces the prepared
// one. If metadata is not nil it is set to a serialized RunMetadata.
func (step *Step) Run(tensors, results []*tensorflow.Tensor, options []byte, metadata *[]byte) error {
	if step == nil {
		return errStepNil
	}
	if len(tensors) != len(step.feeds) {
		return invalidf("%d tensors for %d feeds", len(tensors), len(step.feeds))
	}
	if len(results) != step.fetches {
		return invalidf("room for %d results of %d fetches", len(results), step.fetches)
	}
	if err := checkResults(results); err != nil {
		return err
	}
	c, err := step.take()
	if err != nil {
		return err
	}
	defer step.put(c)
	if err := step.feed(c, tensors); err != nil {
		return err
	}
	coptions := step.options
	if options != nil {
		coptions = newBuffer(options)
		defer C.TF_DeleteBuffer(coptions)
	}
	var cmetadata *C.TF_Buffer
	if metadata != nil {
		cmetadata = C.TF_NewBuffer()
		defer C.TF_DeleteBuffer(cmetadata)
	}
	copies, err := step.copyFed(tensors)
	if err != nil {
		return err
	}
	session, err := enter(step.session)
	if err != nil {
		releaseAll(copies)
		return err
	}
	step.lend(c, results)
	bad := int(C.tfk_run(session, c, coptions, cmetadata))
	leave(step.session)
	runtime.KeepAlive(tensors)
	if bad != 0 {
		err = statusError(c.status)
		if bad > 0 {
			err = step.feeds[bad-1].mismatch(tensors[bad-1])
		}
		step.giveBack(c, results)
		releaseAll(copies)
		return err
	}
	if metadata != nil {
		*metadata = bufferBytes(cmetadata)
	}
	step.wrap(c, results)
	for n, i := range step.fedResults {
		if results[i] == nil {
			results[i] = copies[n]
		} else {
			move(results[i], copies[n])
		}
	}
	return nil
}

// copyFed returns copies of the tensors of fetches that are fed, because the caller releases
// the results.
func (step *Step) copyFed(tensors []*tensorflow.Tensor) ([]*tensorflow.Tensor, error) {
	var copies []*tensorflow.Tensor
	for _, i := range step.fedResults {
		t, err := Clone(tensors[step.fed[i]])
		if err != nil {
			releaseAll(copies)
			return nil, err
		}
		copies = append(copies, t)
	}
	return copies, nil
}

func releaseAll(tensors []*tensorflow.Tensor) {
	for _, t := range tensors {
		Release(t)
	}
}

// feed puts tensors into c.
func (step *Step) feed(c *C.tfk_step, tensors []*tensorflow.Tensor) error {
	ctensors := unsafe.Slice(c.feed_tensors, len(tensors))
	for i, t := range tensors {
		if Released(t) {
			return invalidf("the tensor fed to %s is nil or was released", outputName(step.feeds[i].output))
		}
		if !step.feeds[i].accepts(t.Shape()) {
			return step.feeds[i].mismatch(t)
		}
		ctensors[i] = tensorHandle(t)
	}
	return nil
}

// wrap makes Go tensors of the C tensors that a run left in c. It uses those that are there.
func (step *Step) wrap(c *C.tfk_step, results []*tensorflow.Tensor) {
	n := len(step.computed)
	ctensors, cshapes := unsafe.Slice(c.fetch_tensors, n), unsafe.Slice(c.fetch_shapes, n)
	replaced := unsafe.Slice(c.replaced, n)
	for i, ct := range ctensors {
		t := results[step.computed[i]]
		if t == nil {
			results[step.computed[i]] = newTensor(ct, shapeIn(&cshapes[i], ct))
			continue
		}
		shape := t.Shape()
		if !sameShape(&cshapes[i], shape) {
			shape = shapeIn(&cshapes[i], ct)
		}
		replace(t, replaced[i], ct, shape)
		replaced[i] = nil
	}
}

// shapeIn returns the shape of c, which shape has unless there are too many dimensions.
func shapeIn(shape *C.tfk_shape, c *C.TF_Tensor) []int64 {
	n := int(shape.num_dims)
	if n > C.tfk_max_dims {
		return shapeOf(c)
	}
	if n <= 0 {
		return nil
	}
	dims := make([]int64, n)
	for d := range dims {
		dims[d] = int64(shape.dims[d])
	}
	return dims
}

// mismatch returns the error for t, which f does not accept.
func (f *feed) mismatch(t *tensorflow.Tensor) error {
	return invalidf("cannot feed a tensor of type %s and shape %v to %s, which takes type %s and shape %s",
		dtype.Name(t.DataType()), t.Shape(), outputName(f.output), dtype.Name(f.dtype), f.output.Shape())
}
