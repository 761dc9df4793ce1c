// Package capi calls the functions of TensorFlow's C API that the Go binding
// lacks, on the binding's own objects. It is the only package of this module
// with C in it. It knows handles, memory and status codes, and nothing of
// variables, checkpoints or training; package tf is what programs use.
//
// # Handles
//
// The binding keeps its C pointers in unexported fields. This package finds
// those fields by reflection when the process starts and checks their types; a
// binding that looks different makes every function here return an error that
// says so (Check). Every output and operation is checked before C sees it: one
// that is nil, out of range or of another graph is an error of the kind
// InvalidArgument, where C would end the process.
//
// # Memory
//
// Go's collector does not see C memory, so nothing that may be large waits for
// it: Release frees a tensor now, CloseSession a session, Call.Close a prepared
// step. Finalizers are the net below. Release leaves an empty tensor in place of
// the freed one, so that a late look at it is harmless. Live counts what is
// alive; the tests of this module fail where something is left over.
//
//	object          made by                         freed by
//	tensor          Run, AllocateTensor, Adopt      Release
//	foreign memory  ForeignTensor                   TensorFlow, by the release function
//	session         NewSession                      CloseSession, or the binding's Close
//	prepared step   Prepare                         Call.Close
//	server          NewServer                      Close; never, once it was started
//	graph           the binding's NewGraph          the collector, once no operation is held
//
// # Errors
//
// An *Error carries TensorFlow's status code, its message and, where the message
// has it, the node. A Code is an error itself, for errors.Is.
//
// # GPUs
//
// HasGPUKernels, Driver and OpenLibrary ask what a session on a GPU needs, each by
// itself and without a session, which takes memory of every GPU.
//
// # The library
//
// Programs are linked to libtensorflow, 2.15 or newer. Where the library is not
// found, the system's loader ends the process before main, with "error while
// loading shared libraries: libtensorflow_cc.so.2"; ldd shows where it was looked
// for. scripts/libtensorflow.sh gets the library and prints the flags that make a
// program find it. An older library, or one that lacks a function, is an error of
// the first call (Check).
package capi
