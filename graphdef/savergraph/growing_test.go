package savergraph

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGrowingVariables(t *testing.T) {
	t.Parallel()
	const two = `attr { key: "shape" value { shape { dim { size: 2 } } } }`
	const handle = `node { name: "v" op: "VarHandleOp" attr { key: "shared_name" value { s: "v" } } ` + two + ` }
node { name: "x" op: "Placeholder" } node { name: "two" op: "Const" } node { name: "some" op: "Placeholder" }
`
	const inFunction = handle + `node { name: "call" op: "%" input: "v" input: "x" attr { key: "f" value { func { name: "set" } } } attr { key: "body" value { func { name: "set" } } } }
library { function { signature { name: "set" input_arg { name: "h" type: DT_RESOURCE } input_arg { name: "to" type: DT_FLOAT } }
node_def { name: "a" op: "AssignVariableOp" input: "h" input: "to" } } }`
	for _, c := range []struct {
		name, text string
		grows      bool
	}{
		{"unknown value", handle + `node { name: "a" op: "AssignVariableOp" input: "v" input: "x" }`, true},
		{"compared", handle + `node { name: "a" op: "AssignVariableOp" input: "v" input: "x" attr { key: "validate_shape" value { b: true } } }`, false},
		{"same shape", handle + `node { name: "a" op: "AssignVariableOp" input: "v" input: "two" }`, false},
		{"partly known", handle + `node { name: "a" op: "AssignVariableOp" input: "v" input: "some" }`, true},
		{"branch", handle + `node { name: "s" op: "Switch" input: "v" input: "p" } node { name: "a" op: "AssignVariableOp" input: "s:1" input: "x" }`, true},
		{"restored", handle + names + `node { name: "r" op: "RestoreV2" input: "f" input: "names" input: "specs" attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT } } } }
node { name: "a" op: "AssignVariableOp" input: "v" input: "r" }`, false},
		{"cycle", handle + `node { name: "m" op: "Merge" input: "m" } node { name: "a" op: "AssignVariableOp" input: "m" input: "x" }`, false},
		{"function", strings.Replace(inFunction, "%", "StatefulPartitionedCall", 1), true},
		{"loop", strings.Replace(inFunction, "%", "While", 1), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, c.text).Growing(func(tensor string) ([]int64, bool) {
				switch tensor {
				case "two:0":
					return []int64{2}, true
				case "some:0":
					return []int64{-1}, true
				}
				return nil, false
			})
			want := map[string]bool{}
			if c.grows {
				want["resource\x00\x00v"] = true
			}
			assert.Equal(t, want, got)
		})
	}
}
