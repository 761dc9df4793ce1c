package safety

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep/graphdef"
)

// Verdict says when an op may run.
type Verdict string

// The verdicts, from the most to the least trusted op.
const (
	Load   Verdict = "load"   // at any time
	Asset  Verdict = "asset"  // at any time, but only with an asset's file
	Call   Verdict = "call"   // when a signature is called
	Refuse Verdict = "refuse" // only if the user allows it
)

// opsText is the table of ops. A section begins with "VERDICT: REASON"; the ops that it
// holds for follow in indented lines. OP[ATTRIBUTE=VALUE] holds only for nodes whose
// attribute has that value, and is refused for others.
//
//go:embed ops.txt
var opsText string

// entry is what the table says about an op.
type entry struct {
	verdict     Verdict
	reason      string
	attr, value string // the condition; attr is "" without one
}

var table = sync.OnceValue(func() map[string]entry { return parseTable(opsText) })

// parseTable reads the table. It is part of this package and tested, so there are no
// errors: a line that does not fit names an op that does not exist, which a test finds.
func parseTable(text string) map[string]entry {
	ops := map[string]entry{}
	var section entry
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, "\t"):
			verdict, reason, _ := strings.Cut(strings.TrimSpace(line), ": ")
			section = entry{verdict: Verdict(verdict), reason: reason}
		default:
			for op := range strings.FieldsSeq(line) {
				e := section
				name, condition, ok := strings.Cut(strings.TrimSuffix(op, "]"), "[")
				if ok {
					e.attr, e.value, _ = strings.Cut(condition, "=")
				}
				ops[name] = e
			}
		}
	}
	return ops
}

// Lookup returns the verdict about an op and its reason. An op that is not in the table is
// refused.
func Lookup(op string) (Verdict, string) {
	e := lookup(op)
	return e.verdict, e.reason
}

func lookup(op string) entry {
	if e, ok := table()[op]; ok {
		return e
	}
	return entry{verdict: Refuse, reason: "it has not been reviewed"}
}

// judge returns the verdict about a node, and the reason.
func judge(n *graphdef.NodeDef) (Verdict, string) {
	e := lookup(n.GetOp())
	if e.attr == "" {
		return e.verdict, e.reason
	}
	v, ok := n.GetAttr()[e.attr]
	if ok && (v.GetPlaceholder() != "" || string(v.GetS()) != e.value) {
		return Refuse, e.reason
	}
	return e.verdict, e.reason
}
