package capi

// #cgo LDFLAGS: -ltensorflow
// #include "library.h"
import "C"

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep"
)

// minVersion is the oldest libtensorflow that has every function that this package
// uses, and the layout of strings that the binding expects.
const minVersion = "2.15"

// Version returns libtensorflow's version, such as "2.21.0".
func Version() string { return C.GoString(C.TF_Version()) }

// check returns an error if this package cannot work with the binding or with
// libtensorflow. Every exported function that uses a graph, session, tensor or server
// calls it first.
var check = sync.OnceValue(func() error {
	if errLayout != nil {
		return errLayout
	}
	if v := Version(); !atLeast(v, minVersion) {
		return unsupported("libtensorflow %s is older than %s: run scripts/libtensorflow.sh and build with the library that it downloads", v, minVersion)
	}
	if name := C.tfk_missing_function(); name != nil {
		return missingFunction(name)
	}
	return nil
})

// unsupported returns the error of a binding or library that cannot be used.
func unsupported(format string, args ...any) error {
	return &tfkeep.Error{Op: "call libtensorflow", Err: tfkeep.ErrUnsupported, Detail: fmt.Sprintf(format, args...)}
}

func missingFunction(name *C.char) error {
	return unsupported("libtensorflow %s lacks the function %s: run scripts/libtensorflow.sh and build with the library that it downloads", Version(), C.GoString(name))
}

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

// AllOpList returns the serialized OpList of every op that the library knows.
func AllOpList() ([]byte, error) {
	if err := check(); err != nil {
		return nil, err
	}
	buf := C.TF_GetAllOpList()
	defer C.TF_DeleteBuffer(buf)
	return bufferBytes(buf), nil
}
