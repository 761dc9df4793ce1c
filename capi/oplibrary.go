package capi

// #include <stdlib.h>
// #include "library.h"
import "C"

import (
	"sync"
	"unsafe"
)

// OpLibrary is a library of ops and kernels that was loaded.
type OpLibrary struct {
	OpList     []byte // the serialized OpList of the ops that it defines
	HasKernels bool   // it registered kernels, for its ops or for others
}

// opLibraries are the loaded libraries by path: a second load registers nothing.
var opLibraries = struct {
	sync.Mutex
	loaded map[string]OpLibrary
}{loaded: map[string]OpLibrary{}}

// LoadLibrary loads a library of ops and kernels. It cannot be unloaded. Its code runs as it is
// loaded.
func LoadLibrary(path string) (OpLibrary, error) {
	if err := check(); err != nil {
		return OpLibrary{}, err
	}
	opLibraries.Lock()
	defer opLibraries.Unlock()
	if lib, ok := opLibraries.loaded[path]; ok {
		return lib, nil
	}
	st := newStatus()
	defer st.delete()
	before := kernelBytes(st)
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	handle := C.TF_LoadLibrary(name, st.c)
	if err := st.err(); err != nil {
		return OpLibrary{}, err
	}
	defer C.TF_DeleteLibraryHandle(handle)
	buf := C.TF_GetOpList(handle)
	lib := OpLibrary{OpList: bufferBytes(&buf), HasKernels: kernelBytes(st) != before}
	opLibraries.loaded[path] = lib
	return lib, nil
}

// kernelBytes returns the size of the list of all kernels, by which new ones are noticed.
func kernelBytes(st cStatus) int {
	buf := C.TF_GetAllRegisteredKernels(st.c)
	if buf == nil {
		return 0
	}
	defer C.TF_DeleteBuffer(buf)
	return int(buf.length)
}
