package capi

import (
	"sync"
	"sync/atomic"
)

// Counts says how many C objects that this package made are alive. Tests
// compare two of them: what was closed and released must be gone.
type Counts struct {
	Tensors  int // handed out and neither released nor collected
	Sessions int // not closed
	Calls    int // prepared and not closed
	Servers  int // neither closed nor started; a started one lives as long as the process
	Foreign  int // pieces of memory lent to TensorFlow and not given back yet
}

var live struct {
	calls, servers, foreign atomic.Int64
	sessions                sync.Map // the addresses of open ones; no pointers, which would keep them alive
}

// Live counts the C objects that are alive now.
func Live() Counts {
	owned.Lock()
	tensors := len(owned.tensors)
	owned.Unlock()
	sessions := 0
	live.sessions.Range(func(any, any) bool {
		sessions++
		return true
	})
	return Counts{
		Tensors:  tensors,
		Sessions: sessions,
		Calls:    int(live.calls.Load()),
		Servers:  int(live.servers.Load()),
		Foreign:  int(live.foreign.Load()),
	}
}
