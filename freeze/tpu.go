package freeze

import (
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// replaceTPU replaces the nodes that a graph for TPUs needs where it is put on them. They have no
// kernels elsewhere. With one replica they only pass values on; anything else is refused.
func (b *body) replaceTPU() error {
	for i, n := range b.nodes {
		_, marked := n.Attr["_tpu_replicate"]
		if !strings.HasPrefix(n.Op, "TPU") && !marked {
			continue
		}
		n = b.mutable(i)
		delete(n.Attr, "_tpu_replicate")
		delete(n.Attr, "_tpu_input_identity")
		delete(n.Attr, "_tpu_output_identity")
		switch {
		case (n.Op == "TPUReplicatedInput" || n.Op == "TPUReplicatedOutput") && len(nodedef.DataInputs(n)) == 1 && n.Attr["N"].GetI() <= 1 && n.Attr["num_replicas"].GetI() <= 1:
			turnInto(n, "Identity", attrs{"T": n.Attr["T"]})
		case n.Op == "TPUReplicateMetadata" && n.Attr["num_replicas"].GetI() <= 1:
			n.Input = controlInputs(n)
			turnInto(n, "NoOp", attrs{})
		case strings.HasPrefix(n.Op, "TPU"):
			return nodeError(b, n, tfkeep.ErrUnsupported, "it runs only on TPUs; export the model for inference on a CPU, or choose outputs that do not need the node")
		}
	}
	return nil
}
