// Package capi calls the functions of TensorFlow's C API that the Go binding lacks, on
// the binding's own objects. It is not an API to build on: it has what the packages of
// this module need, and changes with them. Programs use package tf.
//
// It is the only package of this module that uses cgo. It knows handles, memory and
// status codes, but nothing about variables, checkpoints or training.
//
// # Handles
//
// The binding keeps its C pointers in unexported fields. This package finds those
// fields by reflection when the process starts, and checks their types. If the binding
// looks different, every function here returns an error of the kind
// tfkeep.ErrUnsupported. Every output and operation is checked before it reaches C: for
// one that is nil, out of range or of another graph, the error's code is
// InvalidArgument, where C would end the process.
//
// # Memory
//
// Go's garbage collector does not see C memory, so that anything that may be large is
// freed explicitly. Finalizers free what is forgotten. Release leaves an empty tensor
// in place of the freed one, so that using it later is harmless. Package internal/live counts
// the objects; tests fail if any are left at their end.
//
//	object          made by                           freed by
//	tensor          Run, AllocateTensor, NewStrings   Release
//	foreign memory  ForeignTensor                     TensorFlow, which calls the release function
//	session         NewSession                        CloseSession, or the binding's Close
//	prepared step   NewStep                           Step.Close
//	server          NewServer                         Server.Close, until it is started
//	graph           the binding's NewGraph            the garbage collector
//
// # Errors
//
// TensorFlow's errors are *status.Error, with its status code, its message and, if the
// message has it, the node.
//
// # The library
//
// Programs are linked to libtensorflow, 2.15 or newer. If the library is not found, the
// system's loader ends the process before main with "error while loading shared
// libraries: libtensorflow_cc.so.2"; ldd shows where it was searched. Run
// scripts/libtensorflow.sh to get the library and the flags with which a program finds
// it. If the library is too old or lacks a function, the first call returns an error of
// the kind tfkeep.ErrUnsupported.
package capi
