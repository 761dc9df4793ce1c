package capi

// #include "library.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// openSession is what is known of an open session. Pointers to the binding's values would keep
// them alive.
type openSession struct {
	graph uintptr
	// seen is the position in the graph up to which the session has its operations: a run
	// hands over all that the graph has. TensorFlow makes all further runs fail if one of
	// them changes then.
	seen atomic.Uint64
}

// openSessions has the open sessions that NewSession made, by their addresses.
var openSessions sync.Map

func sessionKey(s *tensorflow.Session) uintptr { return uintptr(unsafe.Pointer(s)) }

func newOpenSession(g *tensorflow.Graph) *openSession {
	return &openSession{graph: uintptr(unsafe.Pointer(graphHandle(g)))}
}

// noteGraph notes that a session is about to have all operations of g.
func noteGraph(s *tensorflow.Session, g *tensorflow.Graph) {
	v, ok := openSessions.Load(sessionKey(s))
	if !ok {
		return
	}
	open := v.(*openSession)
	at := open.seen.Load()
	for pos := range OperationNames(g, at) {
		at = pos
	}
	open.seen.Store(at)
}

// InSession reports whether an open session of its graph has an operation, because a step was
// prepared or run after it was added. A change of the operation by SetAttr or AddWhileInput makes
// all further runs of this session fail.
func InSession(op *tensorflow.Operation) bool {
	g := GraphOf(op)
	c, err := operation(g, op)
	if err != nil {
		return false
	}
	defer runtime.KeepAlive(g)
	found := false
	openSessions.Range(func(_, v any) bool {
		open := v.(*openSession)
		seen := open.seen.Load()
		if seen == 0 || open.graph != uintptr(unsafe.Pointer(graphHandle(g))) {
			return true
		}
		found = !addedSince(g, c, seen)
		return !found
	})
	return found
}

// addedSince reports whether an operation is among those from a position on.
func addedSince(g *tensorflow.Graph, c *C.TF_Operation, pos uint64) bool {
	for next := C.size_t(pos); ; {
		op := C.TF_GraphNextOperation(graphHandle(g), &next)
		if op == nil || op == c {
			return op == c
		}
	}
}
