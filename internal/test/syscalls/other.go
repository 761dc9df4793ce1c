//go:build !(linux && amd64)

package syscalls

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
)

// Main does nothing on this system.
func Main() error { return nil }

// Install needs Linux on amd64.
func Install() error { return errors.ErrUnsupported }

// Run needs Linux on amd64.
func Run(context.Context, Program, *Fault) (*Result, error) {
	return nil, errors.ErrUnsupported
}

// Watch needs Linux on amd64.
func Watch(context.Context, *exec.Cmd, func(Call)) (status syscall.WaitStatus, err error) {
	return status, errors.ErrUnsupported
}
