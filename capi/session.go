package capi

// #include <stdlib.h>
// #include "tensorflow/c/c_api.h"
// #include "threads.h"
import "C"

import (
	"runtime"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/status"
)

// MaxMessage is the number of bytes of values that a session can feed to a server, or
// fetch from it, in one run: they travel in one protobuf message, which has less than
// 2 GiB and some room for other fields.
const MaxMessage = 1<<31 - 1<<20

// NewSession opens a session on g. target is "" for this process or
// "grpc://host:port"; config is a serialized ConfigProto or nil. The first run, not
// NewSession, connects to target.
func NewSession(g *tensorflow.Graph, target string, config []byte) (*tensorflow.Session, error) {
	if err := checkGraph(g); err != nil {
		return nil, err
	}
	st := newStatus()
	defer st.delete()
	opts := C.TF_NewSessionOptions()
	defer C.TF_DeleteSessionOptions(opts)
	if target != "" {
		withCString(target, func(s *C.char) { C.TF_SetTarget(opts, s) })
	}
	if len(config) > 0 {
		C.TF_SetConfig(opts, unsafe.Pointer(&config[0]), C.size_t(len(config)), st.c)
		if err := st.err(); err != nil {
			return nil, err
		}
	}
	mayHaveLogged.Store(true)
	c := C.tfk_new_session(graphHandle(g), opts, st.c)
	runtime.KeepAlive(g)
	if err := st.err(); err != nil {
		return nil, err
	}
	s := new(tensorflow.Session)
	*sessionHandle(s) = c
	openSessions.Store(sessionKey(s), newOpenSession(g))
	live.Sessions.Add(1)
	runtime.SetFinalizer(s, func(s *tensorflow.Session) { _ = CloseSession(s) })
	return s, nil
}

// CloseSession waits for the active runs, closes s and frees it. It frees s even if
// closing fails, as it does when a server is gone. A second call does nothing.
func CloseSession(s *tensorflow.Session) error {
	if errLayout != nil {
		return errLayout
	}
	if s == nil {
		return invalidf("the session is nil")
	}
	mu := lockOf(s)
	mu.Lock()
	defer mu.Unlock()
	runsOf(s).Wait()
	runtime.SetFinalizer(s, nil)
	if _, ok := openSessions.LoadAndDelete(sessionKey(s)); ok {
		live.Sessions.Add(-1)
	}
	c := *sessionHandle(s)
	if c == nil {
		return nil
	}
	*sessionHandle(s) = nil
	err := withStatus(func(st *C.TF_Status) { C.TF_CloseSession(c, st) })
	freed := withStatus(func(st *C.TF_Status) { C.TF_DeleteSession(c, st) })
	if err == nil {
		err = freed
	}
	return err
}

// Extend begins to hand the nodes of g that are new to s, a session on g, to TensorFlow, as the
// next run does otherwise. That takes about as long as importing them. It returns at once; the next
// run waits for it, and reports what is wrong.
func Extend(s *tensorflow.Session, g *tensorflow.Graph) {
	if checkGraph(g) != nil {
		return
	}
	c, err := enter(s)
	if err != nil {
		return
	}
	noteGraph(s, g)
	go func() {
		defer leave(s)
		_ = withStatus(func(st *C.TF_Status) { C.tfk_extend(c, st) })
		runtime.KeepAlive(g)
	}()
}

// InterruptSession ends the active runs of s and makes all later ones fail. The caller
// still has to close s. On a cluster it waits until the master answers.
func InterruptSession(s *tensorflow.Session) error {
	c, err := enter(s)
	if err != nil {
		return err
	}
	defer leave(s)
	return withStatus(func(st *C.TF_Status) { C.TF_CloseSession(c, st) })
}

// ErrSessionClosed is the error of a run after the session was closed. It is of the kind
// tfkeep.ErrClosed.
var ErrSessionClosed error = &tfkeep.Error{
	Op: "run", Item: "session", Err: tfkeep.ErrClosed,
	Cause: status.Errorf(status.FailedPrecondition, "the session is closed"),
}

// enter registers a run of s that begins; leave, one that ends.
func enter(s *tensorflow.Session) (*C.TF_Session, error) {
	if errLayout != nil {
		return nil, errLayout
	}
	if s == nil {
		return nil, invalidf("the session is nil")
	}
	mu := lockOf(s)
	mu.Lock()
	defer mu.Unlock()
	c := *sessionHandle(s)
	if c == nil {
		return nil, ErrSessionClosed
	}
	runsOf(s).Add(1)
	return c, nil
}

func leave(s *tensorflow.Session) { runsOf(s).Done() }

// Devices returns the devices that s can use.
func Devices(s *tensorflow.Session) ([]tensorflow.Device, error) {
	if _, err := enter(s); err != nil {
		return nil, err
	}
	defer leave(s)
	devices, err := s.ListDevices()
	if err != nil {
		return nil, status.Errorf(status.Unknown, "%v", err)
	}
	return devices, nil
}
