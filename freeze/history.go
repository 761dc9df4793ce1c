package freeze

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze/internal/order"
)

// history knows what happens to one variable in a body, and in which order: what the
// graph does not order is not known.
type history struct {
	*carrying
	variable string
	list     []*access
	levels   map[string][]*item
	loops    map[string]*carriedLoop
	turns    map[string]bool // loops whose iterations were checked
}

// item is what happens to the variable at one place of a loop, or of the run outside of all
// loops: an access, or all accesses of a loop inside.
type item struct {
	loop     string // the loop inside, "" for a single access
	accesses []*access
	sides    []order.Side
	exact    bool // it happens whenever the sides hold
	writes   bool
}

// items returns what happens at the level of a loop, "" for outside of all.
func (h *history) items(frame string) []*item {
	if known, ok := h.levels[frame]; ok {
		return known
	}
	var items []*item
	inside := map[string]*item{}
	for _, a := range h.list {
		p := h.uses.places[a.node]
		if !order.Contains(frame, p.frame) {
			continue
		}
		it := &item{sides: p.in(frame), exact: p.exact}
		if p.frame != frame {
			rest := p.frame[len(frame)+1:]
			loop := p.frame[:len(frame)+1+len(strings.Split(rest, "/")[0])]
			if inside[loop] == nil {
				inside[loop] = &item{loop: loop, sides: h.loopPlace(loop).in(frame), exact: h.loopPlace(loop).exact}
				items = append(items, inside[loop])
			}
			it = inside[loop]
		} else {
			items = append(items, it)
		}
		it.accesses = append(it.accesses, a)
		it.writes = it.writes || a.writes
	}
	h.levels[frame] = items
	return items
}

// itemOf returns the item that an access belongs to.
func (h *history) itemOf(a *access, frame string) *item {
	for _, it := range h.items(frame) {
		if slices.Contains(it.accesses, a) {
			return it
		}
	}
	return nil
}

// writesIn reports whether the variable is written in a loop.
func (h *history) writesIn(frame string) bool {
	return slices.ContainsFunc(h.items(frame), func(it *item) bool { return it.writes })
}

func (h *history) event(a *access) int { return h.events.at(a.node, h.variable) }

// at returns the value of the variable when an item happens.
func (h *history) at(it *item, frame string) (gated, error) {
	if err := h.checkTurns(frame); err != nil {
		return gated{}, err
	}
	var earlier []*item
	for _, w := range h.items(frame) {
		if !w.writes || w == it || order.Exclusive(w.sides, it.sides) {
			continue
		}
		switch {
		case h.before(w, it, frame):
			earlier = append(earlier, w)
		case h.before(it, w, frame):
			if err := h.checkUses(it, w, frame); err != nil {
				return gated{}, err
			}
		default:
			return gated{}, h.race(it, w)
		}
	}
	return h.value(earlier, it.sides, frame, h.inCondition(it, frame))
}

// inCondition reports whether an item belongs to the condition of a loop, which is
// computed once more than the body.
func (h *history) inCondition(it *item, frame string) bool {
	if frame == "" {
		return false
	}
	after := h.afterEvent(h.loopCond(frame), frame)
	return slices.ContainsFunc(it.accesses, func(a *access) bool { return !after.Has(h.event(a)) })
}

// gated is the tensor with the value of a variable, "" for the variable itself. It is there
// only on some sides of conditions.
type gated struct {
	tensor string
	sides  []order.Side
}

// value returns the value that the variable has after some writes, where sides hold.
func (h *history) value(writes []*item, sides []order.Side, frame string, inCondition bool) (gated, error) {
	writes = slices.DeleteFunc(slices.Clone(writes), func(w *item) bool { return order.Exclusive(w.sides, sides) })
	if len(writes) == 0 {
		return h.base(frame, inCondition)
	}
	last := h.last(writes, frame)
	for _, w := range last {
		if !w.exact {
			return gated{}, h.refuse(w.accesses[0], "it changes %s under a condition that is not clear", h.describe(h.variable))
		}
		for _, s := range w.sides {
			if slices.Contains(sides, s) {
				continue
			}
			return h.eitherSide(writes, sides, s, frame, inCondition)
		}
	}
	if len(last) > 1 {
		return gated{}, h.race(last[0], last[1])
	}
	return h.after(last[0])
}

// last returns the writes that no other one follows.
func (h *history) last(writes []*item, frame string) []*item {
	return slices.DeleteFunc(slices.Clone(writes), func(w *item) bool {
		return slices.ContainsFunc(writes, func(o *item) bool { return o != w && h.before(w, o, frame) })
	})
}

// eitherSide merges the values of both sides of a condition.
func (h *history) eitherSide(writes []*item, sides []order.Side, s order.Side, frame string, inCondition bool) (gated, error) {
	other := order.Side{Predicate: s.Predicate, Taken: !s.Taken}
	yes, err := h.value(writes, append(slices.Clone(sides), s), frame, inCondition)
	if err != nil {
		return gated{}, err
	}
	no, err := h.value(writes, append(slices.Clone(sides), other), frame, inCondition)
	if err != nil || yes.tensor == no.tensor {
		return no, err
	}
	// The merged value is there wherever one of the two is, which may be on more than these sides.
	both := slices.DeleteFunc(slices.Clone(yes.sides), func(s order.Side) bool { return !slices.Contains(no.sides, s) })
	return gated{h.merge(h.variable, h.gate(h.variable, yes, s), h.gate(h.variable, no, other)), both}, nil
}

// after returns the value that an item leaves.
func (h *history) after(w *item) (gated, error) {
	if w.loop != "" {
		loop, err := h.loop(w.loop)
		if err != nil {
			return gated{}, err
		}
		return gated{loop.exit, w.sides}, nil
	}
	tensor, err := h.newValue(w.accesses[0], h.variable)
	return gated{tensor, w.sides}, err
}

// base returns the value at the begin of a run, or of an iteration.
func (h *history) base(frame string, inCondition bool) (gated, error) {
	if frame == "" {
		return gated{}, nil
	}
	if h.writesIn(frame) {
		loop, err := h.loop(frame)
		if err != nil {
			return gated{}, err
		}
		if inCondition {
			return gated{tensor: loop.merge}, nil
		}
		return gated{tensor: loop.body}, nil
	}
	outer, err := h.outer(frame)
	if err != nil || outer.tensor == "" {
		return outer, err
	}
	return gated{tensor: h.enter(h.variable, frame, outer.tensor, true)}, nil
}

// outer returns the value of the variable when a loop begins.
func (h *history) outer(frame string) (gated, error) {
	parent := outerFrame(frame)
	for _, it := range h.items(parent) {
		if it.loop == frame {
			return h.at(it, parent)
		}
	}
	return gated{}, nil
}

// final returns the value at the end of a function.
func (h *history) final() (string, error) {
	var writes []*item
	for _, it := range h.items("") {
		if it.writes {
			writes = append(writes, it)
		}
	}
	for i, w := range writes {
		for _, o := range writes[:i] {
			if !order.Exclusive(w.sides, o.sides) && !h.before(w, o, "") && !h.before(o, w, "") {
				return "", h.race(w, o)
			}
		}
	}
	v, err := h.value(writes, nil, "", false)
	if err == nil && v.tensor == "" {
		h.needed[h.variable] = true
		v.tensor = h.initial(h.variable)
	}
	return v.tensor, err
}

const orderRemedy = "choose outputs that do not need both, or put the variable on the denylist"

func (h *history) refuse(a *access, format string, args ...any) error {
	return nodeError(h.body, h.nodes[a.node], tfkeep.ErrUnsupported, format+"; "+orderRemedy, args...)
}

// race refuses two items whose order is not known.
func (h *history) race(it, w *item) error {
	return h.refuse(it.accesses[0],
		"the graph does not say whether it uses %s before or after node %q changes it; add a control dependency between them",
		h.describe(h.variable), h.nodes[w.accesses[0].node].Name)
}

// late refuses a read that is still looked at when a write happens.
func (h *history) late(a, w *access) error {
	return h.refuse(a, "what it reads from %s is used later without a copy, and node %q may change it before",
		h.describe(h.variable), h.nodes[w.node].Name)
}
