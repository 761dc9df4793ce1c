package opdef

import (
	"maps"
	"slices"
)

var FromList = fromList

// Names returns the names of all ops, sorted.
func (s *Set) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for name := range s.raw {
		seen[name] = true
	}
	for name := range s.decoded {
		seen[name] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
