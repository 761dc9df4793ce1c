package tf

import (
	"regexp"
	"strconv"
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
)

// names makes names unique as Python's ops.Graph.unique_name does: names that differ
// only in case are the same name, a scope uses a name as an operation does, and the n-th
// repetition of a name gets the suffix _n.
type names struct {
	used map[string]int // the number of requests by name in lower case
	pos  uint64         // used has the graph's operations before this position
}

// sync adds the names of operations that were added to the graph since the last call,
// by the binding or by an import, and returns them in the graph's order.
func (n *names) sync(g *tensorflow.Graph) (added []string) {
	if n.used == nil {
		n.used = make(map[string]int)
	}
	for pos, name := range capi.OperationNames(g, n.pos) {
		n.pos = pos
		if key := strings.ToLower(name); n.used[key] == 0 {
			n.used[key] = 1
		}
		added = append(added, name)
	}
	return added
}

func (n *names) unique(name string) string {
	key := strings.ToLower(name)
	count := n.used[key]
	n.used[key]++
	if count == 0 {
		return name
	}
	for base := key; n.used[key] > 0; count++ {
		key = base + "_" + strconv.Itoa(count)
	}
	n.used[key] = 1
	return name + "_" + strconv.Itoa(count-1)
}

// validName matches the names that TensorFlow's C++ accepts for operations
// (IsValidNodeName). The checks of Python and of the C API accept more, such as a
// backslash, and then no run of the graph succeeds.
var validName = regexp.MustCompile(`^[A-Za-z0-9.][A-Za-z0-9_./-]*(>[A-Za-z0-9.][A-Za-z0-9_./-]*)*$`)

func checkName(name string) error {
	if !validName.MatchString(name) || strings.HasSuffix(name, "/") {
		return invalidf("%q is not the name of an operation: names have letters, digits and _ . - / in parts joined by >; each part starts with a letter, a digit or a dot; the last character is not a slash", name)
	}
	return nil
}

// UniqueName makes a name for an operation or a name scope unique in g, and marks it as
// used: "a", then "a_1". Case does not count: after "a", "A" becomes "A_1".
func (g *Graph) UniqueName(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sync()
	return g.names.unique(name)
}
