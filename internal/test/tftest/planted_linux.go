package tftest

import (
	"os"
	"syscall"
)

// Planted puts something in the place of a file that must not be read whole: holes of several
// sizes, a pipe, and a device that never ends. The name must be free.
var Planted = []struct {
	Name  string
	Plant func(path string) error
	Hole  bool
}{
	{"a hole of 8 GiB", func(path string) error { return hole(path, 8<<30) }, true},
	{"a hole of 1 GiB", func(path string) error { return hole(path, 1<<30) }, true},
	{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }, false},
	{"a device", func(path string) error { return os.Symlink("/dev/zero", path) }, false},
}

func hole(path string, size int64) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, size)
}
