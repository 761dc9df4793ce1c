//go:build !(linux && amd64)

package faults

import (
	"context"
	"errors"
)

// Main does nothing on this system.
func Main() error { return nil }

// Run needs Linux on amd64.
func Run(context.Context, Program, *Fault) (*Result, error) {
	return nil, errors.ErrUnsupported
}
