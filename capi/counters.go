package capi

import "sync/atomic"

// Counts says how many C objects that this package made are alive. Tests
// compare two of them: what was closed and released must be gone.
type Counts struct {
	Tensors  int   // handed out and neither released nor collected
	Sessions int64 // not closed
	Calls    int64 // prepared and not closed
	Foreign  int64 // memory lent to TensorFlow and not given back yet
}

var live struct {
	sessions, calls, foreign atomic.Int64
}

// Live counts the C objects that are alive now.
func Live() Counts {
	owned.Lock()
	tensors := len(owned.tensors)
	owned.Unlock()
	return Counts{
		Tensors:  tensors,
		Sessions: live.sessions.Load(),
		Calls:    live.calls.Load(),
		Foreign:  live.foreign.Load(),
	}
}
