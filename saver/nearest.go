package saver

import "github.com/tfkeep/tfkeep/internal/nearest"

// nearestKey finds the candidate that a misspelt key most likely means, or "".
func nearestKey(key string, candidates []string) string {
	if names := nearest.Names(key, candidates, 1); len(names) > 0 {
		return names[0]
	}
	return ""
}
