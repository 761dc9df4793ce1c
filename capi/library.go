package capi

// #cgo LDFLAGS: -ltensorflow
// #include "library.h"
import "C"

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// MinVersion is the oldest libtensorflow that has every function used here, and
// the layout of strings that the binding expects.
const MinVersion = "2.15"

// Version is libtensorflow's version, such as "2.21.0".
func Version() string { return C.GoString(C.TF_Version()) }

// Check says whether this binding and this libtensorflow can be worked with.
// Every call that makes something does it first.
func Check() error { return check() }

var check = sync.OnceValue(func() error {
	if errLayout != nil {
		return errLayout
	}
	if v := Version(); !atLeast(v, MinVersion) {
		return fmt.Errorf("capi: libtensorflow %s is too old, %s or newer is needed: run scripts/libtensorflow.sh and build against what it fetched", v, MinVersion)
	}
	if name := C.tfk_missing_function(); name != nil {
		return fmt.Errorf("capi: libtensorflow %s lacks the function %s: run scripts/libtensorflow.sh and build against what it fetched", Version(), C.GoString(name))
	}
	return nil
})

// atLeast compares the first two numbers of two versions.
func atLeast(version, least string) bool {
	v, w := numbers(version), numbers(least)
	return v[0] > w[0] || v[0] == w[0] && v[1] >= w[1]
}

func numbers(version string) (n [2]int) {
	for i, part := range strings.SplitN(version, ".", 3) {
		if i < 2 {
			n[i], _ = strconv.Atoi(part)
		}
	}
	return n
}

// AllOpList is the serialized OpList of every op that this library knows.
func AllOpList() ([]byte, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	buf := C.TF_GetAllOpList()
	defer C.TF_DeleteBuffer(buf)
	return bufferBytes(buf), nil
}
