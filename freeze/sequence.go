package freeze

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

// checkOutputs refuses outputs that compute no value, but write.
func (t *tracer) checkOutputs(b *body, uses *accesses, outputs []string) error {
	writes := map[string]*graphdef.NodeDef{}
	for variable := range uses.written {
		for _, a := range uses.of[variable] {
			if n := b.nodes[a.node]; isWrite(n.Op) && slices.Contains(a.inputs, 0) {
				writes[n.Name] = n
			}
		}
	}
	for _, name := range outputs {
		if n := writes[name]; n != nil {
			return nodeError(b, n, tfkeep.ErrUnsupported, "it is an output and changes a frozen variable; %s", writeRemedy)
		}
		op := opdef.Builtin().Get(b.node(name).Op)
		if op == nil || len(op.OutputArg) > 0 {
			continue
		}
		for _, from := range slices.Sorted(maps.Keys(b.ancestors([]string{name}))) {
			if n := b.node(from); writes[from] != nil || saveOps[n.Op] {
				return nodeError(b, b.node(name), tfkeep.ErrUnsupported, "it is an output that computes no value, and only runs node %q, which writes; %s", from, writeRemedy)
			}
		}
	}
	return nil
}

const writeRemedy = "choose outputs that compute values, or put the variable on the denylist"

var saveOps = setOf("Save SaveSlices SaveV2 MergeV2Checkpoints WriteFile")

// describe names a variable of a body for an error.
func (b *body) describe(variable string) string {
	if i, err := strconv.Atoi(strings.TrimPrefix(variable, "#")); err == nil && b.fn != nil {
		return fmt.Sprintf("the variable in argument %q", b.fn.Signature.InputArg[i].Name)
	}
	_, name, _ := strings.Cut(variable, "\x00")
	return fmt.Sprintf("variable %q", name)
}
