package autodiff_test

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/registry.py
var registryScript string

// Operation by operation, the gradients are those of Python's registry.
func TestRegistryMatchesPython(t *testing.T) {
	var cases []struct {
		model
		Op, Failure string
	}
	oracle.Run(t, registryScript+"\nresult = write(tf, np)\n").Decode(t, &cases)
	for _, c := range cases {
		t.Run(c.Op, func(t *testing.T) {
			require.Empty(t, c.Failure)
			sameGradients(t, c.model)
		})
	}
}
