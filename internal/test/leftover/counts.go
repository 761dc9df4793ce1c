package leftover

import "sync/atomic"

// The numbers of C objects of package capi that exist. Package capi keeps them up to date.
var (
	Tensors  atomic.Int64 // neither released nor collected
	Sessions atomic.Int64 // not closed
	Steps    atomic.Int64 // not closed
	Servers  atomic.Int64 // neither closed nor started; a started server lives until the process ends
	Foreign  atomic.Int64 // foreign tensors whose release was not called yet
)

// Counts has all the numbers. Tests compare them, to see that everything is closed and
// released.
type Counts struct {
	Tensors, Sessions, Steps, Servers, Foreign int64
}

// Live returns the numbers of C objects that exist now.
func Live() Counts {
	return Counts{
		Tensors:  Tensors.Load(),
		Sessions: Sessions.Load(),
		Steps:    Steps.Load(),
		Servers:  Servers.Load(),
		Foreign:  Foreign.Load(),
	}
}
