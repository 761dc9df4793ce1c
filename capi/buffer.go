package capi

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"strconv"
	"unsafe"
)

// newBuffer copies b into C memory; nil for an empty b.
func newBuffer(b []byte) *C.TF_Buffer {
	if len(b) == 0 {
		return nil
	}
	return C.TF_NewBufferFromString(unsafe.Pointer(&b[0]), C.size_t(len(b)))
}

// bufferBytes copies a buffer of any size into Go memory.
func bufferBytes(b *C.TF_Buffer) []byte {
	if b == nil || b.data == nil {
		return nil
	}
	out := make([]byte, int(b.length))
	copy(out, unsafe.Slice((*byte)(b.data), int(b.length)))
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }
