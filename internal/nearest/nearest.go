// Package nearest finds the names for which another name is most likely a misspelling,
// for error messages that suggest them.
package nearest

import (
	"cmp"
	"slices"
	"strings"
)

// Names returns up to limit candidates that are similar to name, the most similar first.
// A candidate is similar if it differs only by a scope, or by at most two characters or a
// quarter of the length of name.
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
	slices.SortStableFunc(near, func(a, b scored) int { return cmp.Compare(a.cost, b.cost) })
	var names []string
	for _, s := range near[:min(limit, len(near))] {
		names = append(names, s.name)
	}
	return names
}

// NodeHint returns the end of an error message about a node that a graph does not have:
// " (did you mean a, b?)", or "" if it has no similar one. If no name is similar, it
// suggests the first nodes in the scope of that name, because the operation that computes
// "y" is often "y/Add".
func NodeHint(name string, nodes []string) string {
	const limit = 3
	names := Names(name, nodes, limit)
	if len(names) == 0 {
		for _, n := range nodes {
			if len(names) < limit && strings.HasPrefix(n, name+"/") {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(names, ", ") + "?)"
}

// distance returns the number of edits that turn a into b, or limit+1 if it is more than
// limit.
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
