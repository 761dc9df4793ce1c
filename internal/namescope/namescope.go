// Package namescope moves the names of nodes, tensors and inputs into a name scope and out
// of it, as TensorFlow does when it imports and exports a part of a graph.
package namescope

import (
	"strings"

	"github.com/tfkeep/tfkeep/internal/devicename"
)

// Strip removes a scope from the front of the name of a node, a tensor or an input,
// after a leading "^" or "loc:@": "s/a" in scope "s" becomes "a". A name outside the
// scope stays as it is.
func Strip(name, scope string) string {
	if scope == "" {
		return name
	}
	mark, rest := splitMark(name)
	// TensorFlow takes a run of slashes for one separator.
	if tail, ok := strings.CutPrefix(rest, strings.TrimSuffix(scope, "/")+"/"); ok {
		return mark + strings.TrimLeft(tail, "/")
	}
	return name
}

// Prepend puts a name into a scope, after a leading "^" or "loc:@": "a" becomes "s/a",
// "loc:@a" becomes "loc:@s/a".
func Prepend(name, scope string) string {
	if scope == "" {
		return name
	}
	mark, rest := splitMark(name)
	return mark + strings.TrimSuffix(scope, "/") + "/" + rest
}

func splitMark(name string) (mark, rest string) {
	for _, mark := range []string{"^", devicename.ColocationPrefix} {
		if rest, ok := strings.CutPrefix(name, mark); ok {
			return mark, rest
		}
	}
	return "", name
}
