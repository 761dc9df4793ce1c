package capi

// #include "server.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"
)

// Server is a TF_Server: a member of a cluster that executes parts of graphs. It
// takes connections from the moment that it is made and answers them once it is
// started.
//
// A server that was started serves until the process ends: TensorFlow cannot
// stop one, and ends the process where one is deleted.
type Server struct {
	mu      sync.Mutex
	c       *C.TF_Server // nil once deleted
	started bool
	target  string
}

// NewServer makes a server from a serialized ServerDef and binds its port.
//
// TensorFlow ends the process where the job's name cannot be part of a device's,
// or the task is negative; tf.NewClusterSpec takes no such ones.
func NewServer(serverDef []byte) (*Server, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	if name := C.tfk_missing_server_function(); name != nil {
		return nil, errorf(Unimplemented, "libtensorflow %s lacks the function %s, and so has no servers: run scripts/libtensorflow.sh and build against what it fetched", Version(), C.GoString(name))
	}
	if len(serverDef) == 0 {
		return nil, errorf(InvalidArgument, "the ServerDef is empty")
	}
	st := newStatus()
	defer st.delete()
	sessionOpened.Store(true)
	c := C.TF_NewServer(unsafe.Pointer(&serverDef[0]), C.size_t(len(serverDef)), st.c)
	if err := st.err(); err != nil {
		return nil, err
	}
	s := &Server{c: c, target: C.GoString(C.TF_ServerTarget(c))}
	live.servers.Add(1)
	runtime.SetFinalizer(s, func(s *Server) { _ = s.Close() })
	return s, nil
}

// Start lets the server answer. A second call does nothing.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		return errServerClosed
	}
	if s.started {
		return nil
	}
	st := newStatus()
	defer st.delete()
	C.TF_ServerStart(s.c, st.c)
	if err := st.err(); err != nil {
		return err
	}
	// From here on it is the process's, not the collector's.
	s.started = true
	live.servers.Add(-1)
	runtime.SetFinalizer(s, nil)
	return nil
}

// Started says whether the server was started.
func (s *Server) Started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started
}

// Target is what sessions connect to, "grpc://host:port", with the port that the
// system chose where the ServerDef says 0.
func (s *Server) Target() string { return s.target }

// Join waits until the server has stopped, which is until the process ends, for
// one that was started. It holds a thread while it waits.
func (s *Server) Join() error {
	s.mu.Lock()
	c, started := s.c, s.started
	s.mu.Unlock()
	if c == nil || !started {
		return errorf(FailedPrecondition, "the server was not started: there is nothing to wait for")
	}
	st := newStatus()
	defer st.delete()
	C.TF_ServerJoin(c, st.c)
	return st.err()
}

// Stop is TensorFlow's: of a server that was never started it prevents the start,
// of another one it is an error of the kind Unimplemented.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		return nil
	}
	st := newStatus()
	defer st.delete()
	C.TF_ServerStop(s.c, st.c)
	return st.err()
}

// Close frees a server that was never started, with its port. One that was started
// goes on: that is an error of the kind Unimplemented. A second call does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		return nil
	}
	if s.started {
		return errorf(Unimplemented, "TensorFlow cannot stop a server that was started: end its process")
	}
	C.TF_DeleteServer(s.c)
	s.c = nil
	live.servers.Add(-1)
	runtime.SetFinalizer(s, nil)
	return nil
}

var errServerClosed = errorf(FailedPrecondition, "the server is closed")
