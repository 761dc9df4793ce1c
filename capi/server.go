package capi

// #include "server.h"
// #include "threads.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"

	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/status"
)

// Server is a TF_Server: a member of a cluster that executes parts of graphs. It
// accepts connections as soon as it is made and answers them once it is started.
//
// A started server serves until the process ends: TensorFlow cannot stop it, and ends
// the process if it is deleted.
type Server struct {
	// Target is the address for sessions, "grpc://host:port". If the ServerDef has
	// port 0 it is the port that the system chose.
	Target string

	mu      sync.Mutex
	c       *C.TF_Server // nil once deleted
	started bool
}

// NewServer makes a server from a serialized ServerDef and binds its port.
//
// TensorFlow ends the process if the job's name cannot be part of a device name, or if
// the task is negative. The caller checks both.
func NewServer(serverDef []byte) (*Server, error) {
	if err := check(); err != nil {
		return nil, err
	}
	if name := C.tfk_missing_server_function(); name != nil {
		return nil, missingFunction(name)
	}
	if len(serverDef) == 0 {
		return nil, invalidf("the ServerDef is empty")
	}
	st := newStatus()
	defer st.delete()
	mayHaveLogged.Store(true)
	c := C.tfk_new_server(unsafe.Pointer(&serverDef[0]), C.size_t(len(serverDef)), st.c)
	if err := st.err(); err != nil {
		return nil, err
	}
	s := &Server{c: c, Target: C.GoString(C.TF_ServerTarget(c))}
	live.Servers.Add(1)
	runtime.SetFinalizer(s, func(s *Server) { _ = s.Close() })
	return s, nil
}

// Start makes the server answer. A second call does nothing.
func (s *Server) Start() error {
	if s == nil {
		return invalidf("the server is nil")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		return errServerClosed
	}
	if s.started {
		return nil
	}
	if err := withStatus(func(st *C.TF_Status) { C.tfk_start_server(s.c, st) }); err != nil {
		return err
	}
	// From here on the server must never be deleted.
	s.started = true
	live.Servers.Add(-1)
	runtime.SetFinalizer(s, nil)
	return nil
}

// Join waits until the server has stopped. For a started server that is never. It
// blocks a thread while it waits.
func (s *Server) Join() error {
	if s == nil {
		return invalidf("the server is nil")
	}
	s.mu.Lock()
	c, started := s.c, s.started
	s.mu.Unlock()
	if c == nil || !started {
		return status.Errorf(status.FailedPrecondition, "the server was not started")
	}
	return withStatus(func(st *C.TF_Status) { C.TF_ServerJoin(c, st) })
}

// Close frees a server that was never started, and its port. A started server cannot
// be closed: the error's code is Unimplemented. A second call does nothing.
func (s *Server) Close() error {
	if s == nil {
		return invalidf("the server is nil")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		return nil
	}
	if s.started {
		return status.Errorf(status.Unimplemented, "TensorFlow cannot stop a started server: end its process")
	}
	C.TF_DeleteServer(s.c)
	s.c = nil
	live.Servers.Add(-1)
	runtime.SetFinalizer(s, nil)
	return nil
}

var errServerClosed = status.Errorf(status.FailedPrecondition, "the server is closed")
