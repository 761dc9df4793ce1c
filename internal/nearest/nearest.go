// Package nearest finds the names that a misspelt one most likely means, for
// error messages that tell the remedy.
package nearest

import (
	"sort"
	"strings"
)

// Names returns up to limit candidates that are likely meant by name, the most
// likely first. A name that only lost or gained a scope counts as near; so does
// one with few wrong characters: two, or a quarter of its length.
func Names(name string, candidates []string, limit int) []string {
	type scored struct {
		name string
		cost int
	}
	var near []scored
	worst := max(2, len(name)/4)
	for _, c := range candidates {
		var cost int
		switch {
		case c == name:
			continue
		case strings.HasSuffix(c, "/"+name) || strings.HasSuffix(name, "/"+c):
			cost = 1
		default:
			cost = distance(name, c, worst)
		}
		if cost <= worst {
			near = append(near, scored{c, cost})
		}
	}
	sort.SliceStable(near, func(i, j int) bool { return near[i].cost < near[j].cost })
	var names []string
	for i := 0; i < len(near) && i < limit; i++ {
		names = append(names, near[i].name)
	}
	return names
}

// distance is the number of edits that turn a into b; above limit it is only
// known to be more than limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal, least := row[0], i
		row[0] = i
		for j := 1; j <= len(b); j++ {
			above, cost := row[j], diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, above, row[j-1])
			}
			row[j], diagonal = cost, above
			least = min(least, cost)
		}
		if least > limit {
			return limit + 1
		}
	}
	return row[len(b)]
}
