package capi

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "gpu.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/kernel_def_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/status"
)

// HasGPUKernels reports whether libtensorflow was built for GPUs: whether its matrix
// product has a GPU kernel.
func HasGPUKernels() (bool, error) {
	if err := check(); err != nil {
		return false, err
	}
	var buf *C.TF_Buffer
	err := withStatus(func(st *C.TF_Status) {
		withCString("MatMul", func(op *C.char) { buf = C.TF_GetRegisteredKernelsForOp(op, st) })
	})
	if err != nil {
		return false, err
	}
	defer C.TF_DeleteBuffer(buf)
	var kernels kernel_def_go_proto.KernelList
	if err := proto.Unmarshal(bufferBytes(buf), &kernels); err != nil {
		return false, status.Errorf(status.DataLoss, "the library's list of kernels: %v", err)
	}
	for _, k := range kernels.Kernel {
		if k.DeviceType == "GPU" {
			return true, nil
		}
	}
	return false, nil
}

// OpenLibrary opens a shared library, such as "libcudart.so.12", in the places where
// TensorFlow looks for it, and closes it again. The error has the message of the
// system's loader, which names the missing file: name, or a library that name needs.
func OpenLibrary(name string) error {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return loaderError(C.tfk_open_library(c))
}

// loaderError makes an error of the loader's message, which it frees.
func loaderError(message *C.char) error {
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	return errors.New(C.GoString(message))
}

// GPU describes a GPU.
type GPU struct {
	Name        string // such as "NVIDIA A100-SXM4-40GB"
	MemoryBytes int64  // total, free or not
	// ComputeMajor and ComputeMinor are the compute capability, such as 8 and 0.
	ComputeMajor, ComputeMinor int
}

// DriverError is an error of NVIDIA's driver.
type DriverError struct {
	Function string // the function that failed, such as "cuInit"
	Result   int    // a CUresult, or 0 if the driver lacks the function
	Name     string // the driver's name of Result, such as "CUDA_ERROR_NO_DEVICE"
}

func (e *DriverError) Error() string {
	switch {
	case e.Result == 0:
		return "the driver has no " + e.Function
	case e.Name == "":
		return fmt.Sprintf("%s: error %d", e.Function, e.Result)
	}
	return fmt.Sprintf("%s: %s (%d)", e.Function, e.Name, e.Result)
}

// Driver returns the CUDA version of NVIDIA's driver (12040 is 12.4) and the GPUs that
// the driver shows this process. Unlike a session it allocates no GPU memory. If the
// driver fails, the error is a *DriverError. Any other error is from the system's
// loader and means that there is no driver.
func Driver() (version int, gpus []GPU, err error) {
	d := new(C.tfk_driver)
	// The driver keeps state for the calling thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := loaderError(C.tfk_read_driver(d)); err != nil {
		return 0, nil, err
	}
	if d.failed != nil {
		return int(d.version), nil, &DriverError{C.GoString(d.failed), int(d.result), C.GoString(d.error)}
	}
	for _, g := range d.gpus[:d.count] {
		gpus = append(gpus, GPU{
			Name: C.GoString(&g.name[0]), MemoryBytes: int64(g.memory),
			ComputeMajor: int(g.major), ComputeMinor: int(g.minor),
		})
	}
	return int(d.version), gpus, nil
}
