package saver

import (
	"context"
	"fmt"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// checkRuns finds what a restore would run and must not: with the values of the restore
// nodes fed, and with the nodes reading the files. The graph may be a stranger's.
func (n *saverNodes) checkRuns(g *graphdef.GraphDef, allow []string) {
	if n.loadErr == nil {
		fed := safety.RestoreRun(n.def, n.load)
		fed.Allow = allow
		n.fedUnsafe = fed.Check(g)
	}
	nodes := &safety.Run{Stage: "restore", Doing: "restoring the variables", Targets: []string{n.def.GetRestoreOpName()},
		Checkpoint: n.def.GetFilenameTensorName(), Allow: allow}
	n.nodesUnsafe = nodes.Check(g)
}

// checkWhole reads a checkpoint on this machine before TensorFlow does, whose own reader
// ends the process for some that are damaged.
func (t *nodeTransport) checkWhole(ctx context.Context, l *load) error {
	report, err := checkpoint.Verify(vfs.NewContext(ctx, t.fs), localPath(l.path), nil)
	if err != nil {
		return err
	}
	for _, f := range report.Faults {
		if !f.Harmless {
			return fmt.Errorf("%w: %w", tfkeep.ErrCorrupt, f.Err)
		}
	}
	return nil
}
