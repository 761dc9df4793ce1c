package capi

// #include "tensorflow/c/c_api.h"
import "C"

import "unsafe"

// newBuffer copies b into C memory. It returns nil for an empty b.
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

// readBuffer returns the bytes that write puts into a buffer.
func readBuffer(write func(*C.TF_Buffer, *C.TF_Status)) ([]byte, error) {
	buf := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buf)
	if err := withStatus(func(st *C.TF_Status) { write(buf, st) }); err != nil {
		return nil, err
	}
	return bufferBytes(buf), nil
}

// withStatus calls f and returns the error that f leaves in the status.
func withStatus(f func(*C.TF_Status)) error {
	st := newStatus()
	defer st.delete()
	f(st.c)
	return st.err()
}
