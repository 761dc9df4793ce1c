package freeze

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze/internal/order"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

// What a read returns depends on the writes that happen before it in the same run. The
// order is known only where edges of the graph say so.

// checkOrder refuses a body in which a read follows a write, or may follow one.
func (t *tracer) checkOrder(b *body, reached flow, uses *accesses, keep map[string]bool) error {
	if len(uses.written) == 0 {
		return nil
	}
	e, consumers := t.events(b, reached), b.dataConsumers()
	for _, variable := range slices.Sorted(maps.Keys(uses.written)) {
		list := uses.of[variable]
		events := make([]order.Access, len(list))
		for i, a := range list {
			events[i] = uses.orderOf(a, e, variable)
		}
		before, race := e.Find(events)
		if race != nil {
			return t.raceError(b, list, race, variable)
		}
		for i, a := range list {
			n := b.nodes[a.node]
			if dropped := a.writes && consumers[n.Name] == 0 && !keep[n.Name] && t.lib.call(n) == nil; dropped || !a.reads {
				continue
			}
			if len(before[i]) > 0 {
				return nodeError(b, b.nodes[a.node], tfkeep.ErrUnsupported,
					"it reads %s after node %q has changed it; %s", b.describe(variable), b.nodes[list[before[i][0]].node].Name, orderRemedy)
			}
		}
		for _, a := range list {
			if c := t.lib.call(b.nodes[a.node]); c != nil && c.loop && a.reads && a.writes {
				return nodeError(b, b.nodes[a.node], tfkeep.ErrUnsupported, "the loop changes %s, which it reads; %s", b.describe(variable), orderRemedy)
			}
		}
	}
	return nil
}

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

const orderRemedy = "choose outputs that do not need both, or put the variable on the denylist"

// raceError refuses accesses whose order is not known.
func (t *tracer) raceError(b *body, list []*access, race *order.Race, variable string) error {
	read, write := b.nodes[list[race.Access].node], b.nodes[list[race.Write].node]
	if race.Late {
		return nodeError(b, read, tfkeep.ErrUnsupported,
			"what it reads from %s is used later without a copy, and node %q may change it before; %s", b.describe(variable), write.Name, orderRemedy)
	}
	return nodeError(b, read, tfkeep.ErrUnsupported,
		"the graph does not say whether it uses %s before or after node %q changes it; add a control dependency between them, %s",
		b.describe(variable), write.Name, orderRemedy)
}

// describe names a variable of a body for an error.
func (b *body) describe(variable string) string {
	if i, err := strconv.Atoi(strings.TrimPrefix(variable, "#")); err == nil && b.fn != nil {
		return fmt.Sprintf("the variable in argument %q", b.fn.Signature.InputArg[i].Name)
	}
	_, name, _ := strings.Cut(variable, "\x00")
	return fmt.Sprintf("variable %q", name)
}
