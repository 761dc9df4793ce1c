package freeze

import (
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// carriedLoop has the tensors with the value of a variable that a loop of Enter, Merge, Switch,
// NextIteration and Exit changes.
type carriedLoop struct {
	merge string // when the loop decides whether to go on
	body  string // when an iteration begins
	exit  string // after the loop
}

// loop lets a loop carry the variable from one iteration to the next.
func (h *history) loop(frame string) (*carriedLoop, error) {
	if known := h.loops[frame]; known != nil {
		return known, nil
	}
	if err := h.checkTurns(frame); err != nil {
		return nil, err
	}
	first := h.items(frame)[0].accesses[0]
	var writes []*item
	cond := h.loopCond(frame)
	if cond < 0 {
		return nil, h.refuse(first, "its loop has no condition")
	}
	for _, it := range h.items(frame) {
		if !it.writes {
			continue
		}
		if h.inCondition(it, frame) {
			return nil, h.refuse(it.accesses[0], "the condition of a loop changes %s", h.describe(h.variable))
		}
		writes = append(writes, it)
	}
	outer, err := h.outer(frame)
	if err != nil {
		return nil, err
	}
	if outer.tensor == "" {
		h.needed[h.variable] = true
		outer.tensor = h.initial(h.variable)
		if parent := outerFrame(frame); parent != "" {
			outer.tensor = h.enterInitial(h.variable, parent)
		}
	}
	set := func() attrs { return attrs{"T": nodedef.TypeAttr(h.carrierOf(h.variable).dtype)} }
	enter := h.enter(h.variable, frame, outer.tensor, false)
	next := h.newNode(first.node, h.newName(h.variable, "next_iteration"), "NextIteration", nil, set())
	merge := h.newNode(first.node, h.newName(h.variable, "merge"), "Merge", []string{enter, h.nameOf(h.outputOf(next, []string{"output"}, 0))},
		attrs{"T": set()["T"], "N": intAttr(2)})
	merged := h.carries(h.variable, merge, []string{"output"}, 0)
	decision := h.nameOf(h.outputOf(h.nodes[cond].Name, []string{"output"}, 0))
	both := h.newNode(first.node, h.newName(h.variable, "switch"), "Switch", []string{merged, decision}, set())
	ports := []string{"output_false", "output_true"}
	exit := h.newNode(first.node, h.newName(h.variable, "exit"), "Exit", []string{h.carries(h.variable, both, ports, 0)}, set())
	l := &carriedLoop{merge: merged, body: h.carries(h.variable, both, ports, 1), exit: h.carries(h.variable, exit, []string{"output"}, 0)}
	h.loops[frame] = l
	last, err := h.value(writes, nil, frame, false)
	if err != nil {
		return nil, err
	}
	h.node(next).Input = []string{last.tensor}
	return l, nil
}

// enter takes a value into a loop.
func (c *carrying) enter(variable, frame, from string, constant bool) string {
	key := from + "\x00" + frame
	if constant {
		if known := c.enters[key]; known != "" {
			return known
		}
	}
	like := c.enterOf(frame)
	if like == nil {
		return from
	}
	set := attrs{
		"T": nodedef.TypeAttr(c.carrierOf(variable).dtype), "frame_name": like.Attr["frame_name"],
		"is_constant": boolAttr(constant),
	}
	if p := like.Attr["parallel_iterations"]; p != nil {
		set["parallel_iterations"] = p
	}
	inputs := []string{from}
	if anchor := c.anchor(like.Input[0]); anchor != "" {
		inputs = append(inputs, "^"+anchor)
	}
	inputs = union2(inputs, controlInputs(like))
	name := c.newNode(c.index[like.Name], c.newName(variable, "enter"), "Enter", inputs, set)
	out := c.carries(variable, name, []string{"output"}, 0)
	c.enters[key] = out
	return out
}

// enterInitial takes the variable itself into a loop, and the loops around it.
func (c *carrying) enterInitial(variable, frame string) string {
	from := c.initial(variable)
	if parent := outerFrame(frame); parent != "" {
		from = c.enterInitial(variable, parent)
	}
	return c.enter(variable, frame, from, true)
}

// enterOf returns an Enter of a loop, preferably of a tensor that changes.
func (c *carrying) enterOf(frame string) *graphdef.NodeDef {
	var found *graphdef.NodeDef
	for i, p := range c.uses.places {
		n := c.nodes[i]
		if p.frame == frame && (n.Op == "Enter" || n.Op == "RefEnter") && len(n.Input) > 0 {
			if !n.Attr["is_constant"].GetB() {
				return n
			}
			found = n
		}
	}
	return found
}

// loopPlace returns the place of a loop in the loop around it.
func (c *carrying) loopPlace(frame string) place {
	if n := c.enterOf(frame); n != nil {
		p := c.uses.places[c.index[n.Name]]
		p.frame = outerFrame(frame)
		return p
	}
	return place{}
}

// loopCond returns the node that decides whether a loop goes on, -1 if there is none.
func (c *carrying) loopCond(frame string) int {
	return slices.IndexFunc(c.uses.places, func(p place) bool { return p.frame == frame && p.isCond })
}

// backEdges returns the edges to the next iteration of a loop.
func (c *carrying) backEdges(frame string) [][2]int {
	return c.events.back[frame]
}
