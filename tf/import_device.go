package tf

import (
	"slices"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// place sets the devices of imported operations as TensorFlow's Python does. An
// operation that is colocated with others gets the device of the first of them that has
// one, and no other device. All others keep their own, completed by the current device.
// Devices are written in canonical form, "/device:CPU:0" for "/cpu:0".
func (im *importer) place(names []string) error {
	var colocated []*Operation
	for _, name := range names {
		op := im.g.Operation(name)
		if op == nil {
			continue
		}
		if len(colocations(op)) > 0 {
			colocated = append(colocated, op)
			if err := setDevice(op, ""); err != nil {
				return err
			}
			continue
		}
		own, err := parseDevice(op.Device())
		if err != nil {
			continue // TensorFlow's session reports the device
		}
		n := existingNode(op)
		n.Device = own.String()
		device, err := im.g.devices.deviceOf(n)
		if err != nil {
			return err
		}
		if err := setDevice(op, device); err != nil {
			return err
		}
	}
	for _, op := range colocated {
		for _, name := range colocations(op) {
			with := im.g.Operation(name)
			if with != nil && with.Device() != "" {
				if err := setDevice(op, with.Device()); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// fixedDevices returns the names, in the graph, of imported nodes whose device does not
// change: those without a device that are not colocated with a node that has one. A node
// that the import renames is never among them.
func (im *importer) fixedDevices() map[string]bool {
	if len(im.g.devices) > 0 {
		return nil
	}
	placed := map[string]bool{}
	for _, n := range im.def.GetNode() {
		if n.GetDevice() != "" {
			placed[n.GetName()] = true
		}
	}
	fixed := make(map[string]bool, len(im.def.GetNode()))
	for _, n := range im.def.GetNode() {
		if placed[n.GetName()] || slices.ContainsFunc(nodedef.Colocations(n), func(name string) bool { return placed[name] }) {
			continue
		}
		fixed[namescope.Prepend(n.GetName(), im.opts.Prefix)] = true
	}
	return fixed
}

func setDevice(op *Operation, device string) error {
	if op.Device() == device {
		return nil
	}
	return capi.SetRequestedDevice(op, device)
}

// colocations returns the names of the other operations that op is colocated with.
func colocations(op *Operation) []string {
	class, err := capi.Attr(op, "_class")
	if err != nil {
		return nil
	}
	names := nodedef.Colocations(&graphdef.NodeDef{Attr: map[string]*graphdef.AttrValue{"_class": class}})
	others := names[:0]
	for _, name := range names {
		if name != op.Name() {
			others = append(others, name)
		}
	}
	return others
}
