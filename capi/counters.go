package capi

import (
	"sync"
	"sync/atomic"
)

// Counts has the number of C objects of this package that are alive. Tests compare
// them, to see that everything is closed and released.
type Counts struct {
	Tensors  int // neither released nor collected
	Sessions int // not closed
	Steps    int // not closed
	Servers  int // neither closed nor started; a started server lives until the process ends
	Foreign  int // ForeignTensors whose release was not called yet
}

var live struct {
	steps, servers, foreign atomic.Int64
	sessions                sync.Map // addresses of open sessions; pointers would keep them alive
}

// Live returns the number of C objects that are alive now.
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
		Steps:    int(live.steps.Load()),
		Servers:  int(live.servers.Load()),
		Foreign:  int(live.foreign.Load()),
	}
}
