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
)

// HasGPUKernels says whether this libtensorflow was built for GPUs: whether its
// matrix product has a kernel for them.
func HasGPUKernels() (bool, error) {
	if err := Check(); err != nil {
		return false, err
	}
	op := C.CString("MatMul")
	defer C.free(unsafe.Pointer(op))
	st := newStatus()
	defer st.delete()
	buf := C.TF_GetRegisteredKernelsForOp(op, st.c)
	if err := st.err(); err != nil {
		return false, err
	}
	defer C.TF_DeleteBuffer(buf)
	var kernels kernel_def_go_proto.KernelList
	if err := proto.Unmarshal(bufferBytes(buf), &kernels); err != nil {
		return false, errorf(DataLoss, "the library's list of kernels: %v", err)
	}
	for _, k := range kernels.Kernel {
		if k.DeviceType == "GPU" {
			return true, nil
		}
	}
	return false, nil
}

// OpenLibrary opens a shared library, such as "libcudart.so.12", where TensorFlow
// would look for it, and closes it again. The error is what the system's loader
// says: it names the file that is missing, which may be one that name needs.
func OpenLibrary(name string) error {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return loaderError(C.tfk_open_library(c))
}

// loaderError frees what the loader said.
func loaderError(said *C.char) error {
	if said == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(said))
	return errors.New(C.GoString(said))
}

// GPU is a GPU as its driver describes it.
type GPU struct {
	Name        string // such as "NVIDIA A100-SXM4-40GB"
	MemoryBytes int64  // all that it has, whoever uses it
	// ComputeMajor and ComputeMinor are its compute capability, such as 8 and 0.
	ComputeMajor, ComputeMinor int
}

// DriverError is the error of NVIDIA's driver where it is there and fails.
type DriverError struct {
	Function string // the one that failed, such as "cuInit"
	Result   int    // a CUresult; 0 where the driver lacks the function
	Name     string // the driver's name for it, such as "CUDA_ERROR_NO_DEVICE"
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

// Driver asks NVIDIA's driver for its version, as that of CUDA (12040 is 12.4),
// and the GPUs that it shows this process. It takes no memory of a GPU, which a
// session does. Where the driver fails the error is a *DriverError; any other is
// the system's loader's, which found no driver.
func Driver() (version int, gpus []GPU, err error) {
	d := new(C.tfk_driver)
	// The driver keeps state for the thread that asks.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := loaderError(C.tfk_ask_driver(d)); err != nil {
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
