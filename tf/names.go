package tf

import (
	"regexp"
	"strconv"
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/capi"
)

// names follows Python's ops.Graph.unique_name: names that differ in case only
// are the same name, a scope takes a name as an operation does, and the n-th
// repetition of a name gets the suffix _n.
type names struct {
	used map[string]int // lower-case name → how often it was asked for
	pos  uint64         // the graph's operations before it are in used
}

// sync takes in the operations that were added to g behind our back, by the
// binding's op wrappers or by an import.
func (n *names) sync(g *tensorflow.Graph) { n.syncAnd(g, func(string) {}) }

// syncAnd is sync that visits the names it takes in, in the graph's order: a
// second walk over a large graph's operations would cost as much again.
func (n *names) syncAnd(g *tensorflow.Graph, visit func(name string)) {
	if n.used == nil {
		n.used = make(map[string]int)
	}
	for pos, name := range capi.OperationNames(g, n.pos) {
		n.pos = pos
		if key := strings.ToLower(name); n.used[key] == 0 {
			n.used[key] = 1
		}
		visit(name)
	}
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

// validName is what TensorFlow's C++ takes for the name of an operation
// (IsValidNodeName). Python's and the C API's own checks let more pass, such as
// a backslash, and then no run of the graph succeeds.
var validName = regexp.MustCompile(`^[A-Za-z0-9.][A-Za-z0-9_./-]*(>[A-Za-z0-9.][A-Za-z0-9_./-]*)*$`)

func checkName(name string) error {
	if !validName.MatchString(name) || strings.HasSuffix(name, "/") {
		return invalidf("%q is not a name for an operation: those are made of letters, digits and _ . - /, in parts joined by >, of which each starts with a letter, a digit or a dot, and do not end in a slash", name)
	}
	return nil
}

// UniqueName makes name unique in g, for an operation or a name scope, and
// marks it as used: "a", then "a_1". Case does not count: after "a", "A"
// becomes "A_1".
func (g *Graph) UniqueName(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sync()
	return g.names.unique(name)
}
