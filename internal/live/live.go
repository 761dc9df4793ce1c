// Package live counts the C objects of package capi that exist. Package capi keeps the
// numbers up to date, and tests compare them.
package live

import "sync/atomic"

// The numbers of C objects that exist.
var (
	Tensors  atomic.Int64 // neither released nor collected
	Sessions atomic.Int64 // not closed
	Steps    atomic.Int64 // not closed
	Servers  atomic.Int64 // neither closed nor started; a started server lives until the process ends
	Foreign  atomic.Int64 // foreign tensors whose release was not called yet
)

// Counts has all the numbers.
type Counts struct {
	Tensors, Sessions, Steps, Servers, Foreign int64
}

// Now returns the numbers of C objects that exist now.
func Now() Counts {
	return Counts{
		Tensors:  Tensors.Load(),
		Sessions: Sessions.Load(),
		Steps:    Steps.Load(),
		Servers:  Servers.Load(),
		Foreign:  Foreign.Load(),
	}
}
