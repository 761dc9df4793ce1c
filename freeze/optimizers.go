package freeze

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

// optimizer is the formula of an update operation.
type optimizer struct {
	slots  []string // the arguments that are variables too; they follow "var"
	update func(s *step) string
}

// optimizerOf returns the formula of an update operation, and whether it updates some rows
// only.
func optimizerOf(op string) (o optimizer, sparse, ok bool) {
	name, sparse := strings.CutPrefix(strings.TrimPrefix(op, "Resource"), "Sparse")
	formulas := denseFormulas
	if sparse {
		formulas = sparseFormulas
	}
	o, ok = formulas[name]
	return o, sparse, ok
}

// argument returns the position of an argument of an operation, -1 for none.
func argument(op, name string) int {
	for k, a := range opdef.Builtin().Get(op).GetInputArg() {
		if a.Name == name {
			return k
		}
	}
	return -1
}

// slotValues adds the nodes that give the new values of the slots of an optimizer's step, and
// puts them into values. in are the inputs of the step that carry variables. Other writes have
// no slots.
func (c *carrying) slotValues(i int, in map[int]carrier, values map[string]string) error {
	n := c.nodes[i]
	o, sparse, ok := optimizerOf(n.Op)
	if !ok {
		return nil
	}
	if sparse && !c.uniqueIndices(n.Input[argument(n.Op, "indices")]) {
		return c.repeatedIndices(n, in[0])
	}
	taken := map[string]bool{in[0].variable: true}
	for k, name := range o.slots {
		slot, ok := in[k+1]
		switch {
		case !ok:
			return c.checkWriteElsewhere(n, in)
		case taken[slot.variable]:
			return nodeError(c.body, n, tfkeep.ErrUnsupported, "two of its variables are one; %s", orderRemedy)
		}
		taken[slot.variable] = true
		values[slot.variable] = c.slotValue(i, "new_"+name, slot)
	}
	return nil
}

// step is a step of an optimizer that is turned into its formula.
type step struct {
	*turning
	args map[string]string // argument → tensor; the rows of the variables in a sparse step
	at   string            // the indices of the rows in a sparse step
}

// optimize turns the step of an optimizer into its formula.
func (t *turning) optimize() {
	o, sparse, _ := optimizerOf(t.op)
	s := &step{turning: t, args: map[string]string{}}
	for k, a := range opdef.Builtin().Get(t.op).GetInputArg() {
		s.args[a.Name] = t.data[k]
		switch {
		case k == 0 || slices.Contains(o.slots, a.Name) || a.Name == "indices":
		case a.Name != "grad" && a.Name != "delta":
			s.args[a.Name] = t.ensureShape(t.data[k], scalarShape)
		case sparse:
			s.args[a.Name] = t.ensureShape(t.data[k], t.target.shape.rows())
		default:
			s.args[a.Name] = t.ensureShape(t.data[k], t.target.shape)
		}
	}
	if sparse {
		s.at = s.args["indices"]
		for _, name := range append([]string{"var"}, o.slots...) {
			s.args[name] = t.rows(name+"_rows", s.args[name], s.at)
		}
	}
	value := o.update(s)
	if sparse {
		t.becomeScatter(s.at, value)
		return
	}
	t.become(attrs{"T": t.dtype()}, value)
}

// set sets the new value of a slot, and returns it.
func (s *step) set(slot, value string) string {
	k, stored := argument(s.op, slot), value
	if s.at != "" {
		set, inputs := s.scatterOf(slot+"_", s.data[k], s.at, value)
		stored = s.node(slot+"_scatter", "TensorScatterUpdate", "output", set, inputs...)
	}
	s.setSlot(k-1, stored)
	s.args[slot] = value
	return value
}

// binary and unary add an operation on tensors of the variable's type.
func (s *step) binary(op, a, b string) string {
	return s.node(strings.ToLower(op), op, "z", attrs{"T": s.dtype()}, a, b)
}

func (s *step) unary(op, a string) string {
	return s.node(strings.ToLower(op), op, "y", attrs{"T": s.dtype()}, a)
}

func (s *step) add(a, b string) string { return s.binary("AddV2", a, b) }
func (s *step) sub(a, b string) string { return s.binary("Sub", a, b) }
func (s *step) div(a, b string) string { return s.binary("RealDiv", a, b) }

// mul multiplies from left to right.
func (s *step) mul(list ...string) string {
	product := list[0]
	for _, a := range list[1:] {
		product = s.binary("Mul", product, a)
	}
	return product
}

func (s *step) flag(name string) bool { return s.n.Attr[name].GetB() }
