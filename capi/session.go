package capi

// #include <stdlib.h>
// #include "tensorflow/c/c_api.h"
import "C"

import (
	"runtime"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// NewSession makes a session on g. target is "" for this process or
// "grpc://host:port"; config is a serialized ConfigProto, or nil.
//
// With a target nothing is contacted yet: that happens in the first run.
func NewSession(g *tensorflow.Graph, target string, config []byte) (*tensorflow.Session, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	st := newStatus()
	defer st.delete()
	opts := C.TF_NewSessionOptions()
	defer C.TF_DeleteSessionOptions(opts)
	if target != "" {
		t := C.CString(target)
		defer C.free(unsafe.Pointer(t))
		C.TF_SetTarget(opts, t)
	}
	if len(config) > 0 {
		C.TF_SetConfig(opts, unsafe.Pointer(&config[0]), C.size_t(len(config)), st.c)
		if err := st.err(); err != nil {
			return nil, err
		}
	}
	sessionOpened.Store(true)
	c := C.TF_NewSession(graphHandle(g), opts, st.c)
	runtime.KeepAlive(g)
	if err := st.err(); err != nil {
		return nil, err
	}
	s := new(tensorflow.Session)
	*sessionHandle(s) = c
	live.sessions.Store(uintptr(unsafe.Pointer(s)), nil)
	runtime.SetFinalizer(s, func(s *tensorflow.Session) { _ = CloseSession(s) })
	return s, nil
}

// CloseSession waits for the runs under way, closes s and frees it, even where
// closing fails, as it does when a server is gone. A second call does nothing.
func CloseSession(s *tensorflow.Session) error {
	if errLayout != nil {
		return errLayout
	}
	mu := lockOf(s)
	mu.Lock()
	defer mu.Unlock()
	runsOf(s).Wait()
	runtime.SetFinalizer(s, nil)
	live.sessions.Delete(uintptr(unsafe.Pointer(s)))
	c := *sessionHandle(s)
	if c == nil {
		return nil
	}
	*sessionHandle(s) = nil
	st := newStatus()
	defer st.delete()
	C.TF_CloseSession(c, st.c)
	err := st.err()
	C.TF_DeleteSession(c, st.c)
	if err == nil {
		err = st.err()
	}
	return err
}

// InterruptSession ends the runs of s that are under way and lets those to come
// fail. s is still to be closed. It waits for the master of a cluster to answer.
func InterruptSession(s *tensorflow.Session) error {
	c, err := enter(s)
	if err != nil {
		return err
	}
	defer leave(s)
	st := newStatus()
	defer st.delete()
	C.TF_CloseSession(c, st.c)
	return st.err()
}

// ErrSessionClosed is the error of a run in a session after its Close.
var ErrSessionClosed = errorf(FailedPrecondition, "the session is closed")

// enter says that a run of s begins; leave, that it is over.
func enter(s *tensorflow.Session) (*C.TF_Session, error) {
	if errLayout != nil {
		return nil, errLayout
	}
	if s == nil {
		return nil, errorf(FailedPrecondition, "the session is nil")
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

// Devices are the devices that s can use.
func Devices(s *tensorflow.Session) ([]tensorflow.Device, error) {
	if _, err := enter(s); err != nil {
		return nil, err
	}
	defer leave(s)
	devices, err := s.ListDevices()
	if err != nil {
		return nil, errorf(Unknown, "%v", err)
	}
	return devices, nil
}

// Step is one run: what to feed, what to get, and how.
type Step struct {
	Feeds       []tensorflow.Output
	FeedTensors []*tensorflow.Tensor // one for each of Feeds
	Fetches     []tensorflow.Output
	Targets     []*tensorflow.Operation
	// Options is a serialized RunOptions, or nil.
	Options []byte
	// WantMetadata asks for a RunMetadata.
	WantMetadata bool
}

// Run runs r in s, whose graph is g. metadata is a serialized RunMetadata where
// it was asked for. The tensors that come back are the caller's to Release.
func (r *Step) Run(s *tensorflow.Session, g *tensorflow.Graph) (fetched []*tensorflow.Tensor, metadata []byte, err error) {
	call, err := Prepare(s, g, r.Feeds, r.Fetches, r.Targets, r.Options)
	if err != nil {
		return nil, nil, err
	}
	defer call.Close()
	if r.WantMetadata {
		return call.runWithMetadata(r.FeedTensors)
	}
	fetched = make([]*tensorflow.Tensor, len(r.Fetches))
	if err := call.Run(r.FeedTensors, fetched); err != nil {
		return nil, nil, err
	}
	return fetched, nil, nil
}
