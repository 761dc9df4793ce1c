package tf

import (
	"slices"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
)

// placeFrom gives the operations added since a position the devices that
// TensorFlow's Python gives imported ones: an operation that is colocated with
// others gets the device of the first of them that has one, and no other; all
// others get their own, completed by the device around the import. Both are
// written in canonical form, "/device:CPU:0" for "/cpu:0".
func (im *importer) placeFrom(pos uint64) error {
	settled := im.settled()
	if len(settled) == len(im.def.GetNode()) {
		return nil
	}
	var colocated []*Operation
	var faults error
	capi.Walk(im.g.Graph, pos, func(name string) {
		if settled[name] || faults != nil {
			return
		}
		op := im.g.Operation(name)
		if op == nil {
			return
		}
		if len(colocations(op)) > 0 {
			colocated = append(colocated, op)
			faults = setDevice(op, "")
			return
		}
		own, err := parseDevice(op.Device())
		if err != nil {
			return // TensorFlow's session will say what it thinks of it
		}
		faults = setDevice(op, own.over(im.g.device).String())
	})
	for _, op := range colocated {
		if faults != nil {
			break
		}
		for _, name := range colocations(op) {
			with := im.g.Operation(name)
			if with != nil && with.Device() != "" {
				faults = setDevice(op, with.Device())
				break
			}
		}
	}
	return faults
}

// settled gives the names, in the graph, of imported nodes whose device cannot
// change: those without one, that are not colocated with a node that has one. A
// node that was renamed on import is not among them, whatever it is.
func (im *importer) settled() map[string]bool {
	if im.g.device != (deviceSpec{}) {
		return nil
	}
	placed := map[string]bool{}
	for _, n := range im.def.GetNode() {
		if n.GetDevice() != "" {
			placed[n.GetName()] = true
		}
	}
	settled := make(map[string]bool, len(im.def.GetNode()))
	for _, n := range im.def.GetNode() {
		if placed[n.GetName()] || slices.ContainsFunc(graphdef.Colocations(n), func(name string) bool { return placed[name] }) {
			continue
		}
		settled[graphdef.PrependNameScope(n.GetName(), im.opts.Prefix)] = true
	}
	return settled
}

func setDevice(op *Operation, device string) error {
	if op.Device() == device {
		return nil
	}
	return capi.SetRequestedDevice(op, device)
}

// colocations gives the names of the other operations that op is tied to.
func colocations(op *Operation) []string {
	class, err := capi.Attr(op, "_class")
	if err != nil {
		return nil
	}
	names := graphdef.Colocations(&graphdef.NodeDef{Attr: map[string]*graphdef.AttrValue{"_class": class}})
	others := names[:0]
	for _, name := range names {
		if name != op.Name() {
			others = append(others, name)
		}
	}
	return others
}
