package saver

import (
	"github.com/tfkeep/tfkeep/internal/nearest"
)

// maxNearest is for how many missing keys the nearest name is looked for. Where
// more are missing, names are not misspelt: it is another model, and comparing
// thousands with thousands takes longer than anybody waits for an error.
const maxNearest = 32

// nearestKey finds the candidate that a misspelt key most likely means, or "".
func nearestKey(key string, candidates []string) string {
	if names := nearest.Names(key, candidates, 1); len(names) > 0 {
		return names[0]
	}
	return ""
}
