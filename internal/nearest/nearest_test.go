package nearest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNames(t *testing.T) {
	t.Parallel()
	have := []string{"hidden/w", "hidden/b", "output/w", "global_step", "save/Const"}
	for _, c := range []struct {
		name string
		want []string
	}{
		{"hiden/w", []string{"hidden/w", "hidden/b"}},
		{"gobal_stpe", nil},
		{"global_stp", []string{"global_step"}},
		{"model/global_step", []string{"global_step"}},
		{"Const", []string{"save/Const"}},
		{"hidden/w", []string{"hidden/b"}},
		{"nothing like it", nil},
		{"", nil},
	} {
		assert.Equal(t, c.want, Names(c.name, have, 2), c.name)
	}
}

func TestNodeHint(t *testing.T) {
	t.Parallel()
	nodes := []string{"output/MatMul", "x", "output/Add", "output/shape", "output/shape/1"}
	assert.Equal(t, " (did you mean output/MatMul, output/Add, output/shape?)", NodeHint("output", nodes))
	assert.Equal(t, " (did you mean output/Add?)", NodeHint("Add", nodes))
	assert.Empty(t, NodeHint("something else", nodes))
}
