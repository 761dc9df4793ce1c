package freeze

import (
	"slices"

	"github.com/tfkeep/tfkeep/freeze/internal/order"
)

// The iterations of a loop of Enter and Exit overlap where no edge orders them, unless the loop
// says that only one runs at a time.

// before reports whether all of x happens before all of y in an iteration of a loop.
func (h *history) before(x, y *item, frame string) bool {
	for _, ax := range x.accesses {
		ends := h.ends(h.event(ax), h.uses.places[ax.node].frame, frame)
		for _, ay := range y.accesses {
			if (ax.writes || ay.writes) && !h.allAfter(ends, ay, frame) {
				return false
			}
		}
	}
	return true
}

// ends returns events of a loop around another one. Each of them happens after an event of the
// loop inside has happened in all iterations.
func (h *history) ends(event int, inner, frame string) []int {
	events := []int{event}
	for ; inner != frame; inner = outerFrame(inner) {
		var next []int
		for _, e := range events {
			next = append(next, h.exits(e, inner)...)
		}
		events = next
	}
	return events
}

// exits returns the Exits of a loop that wait for the last time that an event of the loop
// happens.
func (h *history) exits(event int, loop string) []int {
	all := h.oneAtATime(loop) || h.nextTurn(event, h.loopCond(loop), loop)
	after := h.afterEvent(event, loop)
	var found []int
	for i := range h.uses.places { // not the nodes that carrying adds
		n := h.nodes[i]
		if n.Op != "Exit" && n.Op != "RefExit" || h.frameInside(i) != loop {
			continue
		}
		if all || h.leaves(i, event, after) {
			found = append(found, i)
		}
	}
	return found
}

// frameInside returns the loop that an Exit leaves.
func (h *history) frameInside(exit int) string {
	from, ok := h.index[h.parse(h.nodes[exit].Input[0]).node]
	if !ok || from >= len(h.uses.places) {
		return ""
	}
	return h.uses.places[from].frame
}

// leaves reports whether the value that an Exit takes out of the loop waits for an event of
// the iteration before.
func (h *history) leaves(exit, event int, after order.Events) bool {
	both := h.node(h.parse(h.nodes[exit].Input[0]).node)
	if both == nil || !isSwitch(both.Op) {
		return false
	}
	merge := h.node(h.parse(both.Input[0]).node)
	if merge == nil || !isMerge(merge.Op) {
		return false
	}
	for _, in := range merge.Input {
		from, ok := h.index[h.parse(in).node]
		if ok && isNextIteration(h.nodes[from].Op) && (after.Has(from) || from == event) {
			return true
		}
	}
	return false
}

// allAfter reports whether an access, in all iterations of the loops that it is in, happens
// after one of some events.
func (h *history) allAfter(events []int, a *access, frame string) bool {
	return slices.ContainsFunc(events, func(event int) bool {
		after := h.afterEvent(event, frame)
		if !after.Has(h.event(a)) {
			return false
		}
		for loop := h.uses.places[a.node].frame; loop != frame; loop = outerFrame(loop) {
			if !h.paced(a, loop) && !after.Has(h.loopCond(loop)) {
				return false
			}
		}
		return true
	})
}

// paced reports whether the iterations of a loop that access the variable do so one after
// the other.
func (h *history) paced(a *access, loop string) bool {
	if h.oneAtATime(loop) {
		return true
	}
	return slices.ContainsFunc(h.ends(h.event(a), h.uses.places[a.node].frame, loop), func(end int) bool {
		return h.nextTurn(end, h.loopCond(loop), loop) || h.nextTurn(end, h.event(a), loop)
	})
}

// oneAtATime reports whether an iteration of a loop begins when the one before has ended.
func (h *history) oneAtATime(loop string) bool {
	n := h.enterOf(loop)
	return n != nil && n.Attr["parallel_iterations"].GetI() == 1
}

// nextTurn reports whether an event happens before another one of the next iteration.
func (h *history) nextTurn(from, to int, loop string) bool {
	after := h.afterEvent(from, loop)
	for _, back := range h.backEdges(loop) {
		if (after.Has(back[0]) || back[0] == from) && (h.afterEvent(back[1], loop).Has(to) || back[1] == to) {
			return true
		}
	}
	return false
}

// checkTurns refuses a loop in which the accesses of an iteration may happen after a write of
// the next one, or the other way round.
func (h *history) checkTurns(frame string) error {
	if frame == "" || !h.writesIn(frame) || h.turns[frame] {
		return nil
	}
	h.turns[frame] = true
	for _, x := range h.items(frame) {
		for _, w := range h.items(frame) {
			if !w.writes {
				continue
			}
			if err := h.checkTurn(x, w, frame); err != nil {
				return err
			}
		}
	}
	return h.checkTurns(outerFrame(frame))
}

func (h *history) checkTurn(x, w *item, frame string) error {
	for _, ax := range x.accesses {
		for _, aw := range w.accesses {
			if !aw.writes {
				continue
			}
			if !h.follows(h.event(ax), h.uses.places[ax.node].frame, aw, frame) || !h.follows(h.event(aw), h.uses.places[aw.node].frame, ax, frame) {
				return h.race(x, w)
			}
			for _, u := range ax.users {
				inner := h.uses.places[u.node].frame
				if u.last || !order.Contains(frame, inner) || slices.ContainsFunc(h.events.usedBy(u.node), func(end int) bool { return !h.follows(end, inner, aw, frame) }) {
					return h.late(ax, aw)
				}
			}
		}
	}
	return nil
}

// follows reports whether an access of the next iteration of a loop happens after an event of
// this one, which may be in a loop inside.
func (h *history) follows(event int, inner string, a *access, frame string) bool {
	if h.oneAtATime(frame) {
		return true
	}
	return slices.ContainsFunc(h.ends(event, inner, frame), func(end int) bool {
		return h.nextTurn(end, h.event(a), frame)
	})
}

// checkUses refuses an item whose reads are still looked at when a later write happens.
func (h *history) checkUses(it, w *item, frame string) error {
	for _, a := range it.accesses {
		for _, u := range a.users {
			if frame == "" && order.Exclusive(u.sides, w.sides) {
				continue
			}
			for _, aw := range w.accesses {
				if aw.writes && (u.last || !h.usedBefore(u, aw, frame)) {
					return h.late(a, aw)
				}
			}
		}
	}
	return nil
}

// usedBefore reports whether a user of what was read is done before a write. A user in the
// loop of the write looks at the memory in each iteration.
func (h *history) usedBefore(u user, w *access, frame string) bool {
	inner := h.uses.places[u.node].frame
	if !order.Contains(frame, inner) {
		return false
	}
	if shared := commonFrame(inner, h.uses.places[w.node].frame); shared != frame {
		return false
	}
	return !slices.ContainsFunc(h.events.usedBy(u.node), func(end int) bool {
		return (inner != frame || end != h.event(w)) && !h.allAfter(h.ends(end, inner, frame), w, frame)
	})
}

// commonFrame returns the innermost loop that two loops are in.
func commonFrame(a, b string) string {
	for !order.Contains(a, b) {
		a = outerFrame(a)
	}
	return a
}
