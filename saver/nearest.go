package saver

import "strings"

// nearest finds the candidate that a misspelt key most likely means, or "". A
// key that only lost or gained a scope counts as near.
func nearest(key string, candidates []string) string {
	best, bestCost := "", 1+max(2, len(key)/4)
	for _, c := range candidates {
		cost := bestCost
		if strings.HasSuffix(c, "/"+key) || strings.HasSuffix(key, "/"+c) {
			cost = 1
		} else if abs(len(c)-len(key)) < bestCost {
			cost = editDistance(key, c, bestCost)
		}
		if cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// editDistance is Levenshtein's, given up at limit.
func editDistance(a, b string, limit int) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal, least := row[0], i
		row[0] = i
		for j := 1; j <= len(b); j++ {
			above := row[j]
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, above, row[j-1])
			}
			row[j], diagonal = cost, above
			least = min(least, cost)
		}
		if least >= limit {
			return limit
		}
	}
	return row[len(b)]
}
