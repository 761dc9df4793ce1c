package objectgraph_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
)

// tree makes an object graph: paths of variables and their full names.
func tree(t *testing.T, variables map[string]string) *objectgraph.Graph {
	t.Helper()
	g := &objectgraph.Graph{Objects: make([]objectgraph.Object, 1)}
	for path, full := range variables {
		at := 0
		for name := range strings.SplitSeq(path, "/") {
			next := -1
			for _, c := range g.Objects[at].Children {
				if c.Name == name {
					next = c.Object
				}
			}
			if next < 0 {
				next = len(g.Objects)
				g.Objects[at].Children = append(g.Objects[at].Children, objectgraph.Child{Name: name, Object: next})
				g.Objects = append(g.Objects, objectgraph.Object{})
			}
			at = next
		}
		g.Objects[at].Values = []objectgraph.Value{{Name: "VARIABLE_VALUE", Full: full, Key: path + "/.ATTRIBUTES/VARIABLE_VALUE"}}
	}
	return g
}

func TestKeysOfNames(t *testing.T) {
	t.Parallel()
	keras3 := map[string]string{
		"model/layers/0/kernel": "sequential/dense/kernel", "model/layers/0/bias": "sequential/dense/bias",
		"optimizer/m": "adam/sequential_dense_kernel_momentum",
	}
	keras2 := map[string]string{"model/layer_with_weights-0/kernel": "dense/kernel", "model/layer_with_weights-0/bias": "dense/bias"}
	twice := map[string]string{"a/kernel": "a/dense/kernel", "b/kernel": "b/dense/kernel"}
	equal := map[string]string{"x": "Variable", "y": "Variable"}
	const value = "/.ATTRIBUTES/VARIABLE_VALUE"
	for _, c := range []struct {
		name      string
		variables map[string]string
		names     []string
		keys      []string // "" for none
		ambiguous []string
	}{
		{"full names", keras3, []string{"sequential/dense/kernel"}, []string{"model/layers/0/kernel"}, nil},
		{"without the model's name", keras3, []string{"dense/kernel", "dense/bias"}, []string{"model/layers/0/kernel", "model/layers/0/bias"}, nil},
		{"with a model's name", keras2, []string{"net/dense/kernel", "net/dense/bias"}, []string{"model/layer_with_weights-0/kernel", "model/layer_with_weights-0/bias"}, nil},
		{"paths", keras2, []string{"model/layer_with_weights-0/kernel"}, []string{"model/layer_with_weights-0/kernel"}, nil},
		{"paths without the root's name", keras2, []string{"layer_with_weights-0/kernel"}, []string{"model/layer_with_weights-0/kernel"}, nil},
		{"paths with a name before", keras2, []string{"root/model/layer_with_weights-0/bias"}, []string{"model/layer_with_weights-0/bias"}, nil},
		{"two models", twice, []string{"dense/kernel"}, []string{""}, []string{"dense/kernel"}},
		{"equal names", equal, []string{"Variable"}, []string{""}, []string{"Variable"}},
		{"one word is too little", keras3, []string{"kernel"}, []string{""}, nil},
		{"unknown", keras3, []string{"dense_9/kernel"}, []string{""}, nil},
	} {
		keys, ambiguous := tree(t, c.variables).KeysOf(c.names)
		for i, name := range c.names {
			want := c.keys[i]
			if want != "" {
				want += value
			}
			assert.Equal(t, want, keys[name], "%s: %s", c.name, name)
		}
		assert.Equal(t, len(c.ambiguous), len(ambiguous), "%s: %v", c.name, ambiguous)
	}
}

func TestFindInAnotherGraph(t *testing.T) {
	t.Parallel()
	own := tree(t, map[string]string{"w": "Variable", "b/bias": "Variable"})
	const value = "/.ATTRIBUTES/VARIABLE_VALUE"
	wrapped := tree(t, map[string]string{"net/w": "", "net/b/bias": "", "step": ""})
	m, err := own.FindIn(wrapped, "")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"w" + value: "net/w" + value, "b/bias" + value: "net/b/bias" + value}, m.Keys)
	path, _ := wrapped.Paths().Of(m.Root)
	assert.Equal(t, []string{"net"}, path)

	two := tree(t, map[string]string{"a/w": "", "a/b/bias": "", "c/w": "", "c/b/bias": ""})
	_, err = own.FindIn(two, "")
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	m, err = own.FindIn(two, "c")
	require.NoError(t, err)
	assert.Equal(t, "c/w"+value, m.Keys["w"+value])
	_, err = own.FindIn(two, "d")
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
}

func TestEncodeKeepsTheGraph(t *testing.T) {
	t.Parallel()
	own := tree(t, map[string]string{"w": "Variable", "b/bias": "Variable"})
	own.Objects[0].Slots = []objectgraph.Slot{{Name: "m", Variable: 1, Object: 2}}
	own.Objects[1].Saver, own.Objects[1].SaverObject = "Custom", "c"
	data, err := own.Under([]string{"net"}).WithSaveCounter().Encode()
	require.NoError(t, err)
	back, err := objectgraph.Decode(data)
	require.NoError(t, err)
	assert.Equal(t, "save_counter/.ATTRIBUTES/VARIABLE_VALUE", back.SaveCounterKey())
	assert.Equal(t, own.Objects[1].Values, back.Objects[2].Values)
	assert.Equal(t, objectgraph.Slot{Name: "m", Variable: 2, Object: 3}, back.Objects[1].Slots[0])
	assert.Equal(t, "c", back.Objects[2].SaverObject)
	assert.Empty(t, own.SaveCounterKey(), "the original is as it was")
}

func TestEmptyGraphs(t *testing.T) {
	t.Parallel()
	empty := &objectgraph.Graph{}
	own := tree(t, map[string]string{"w": "w"})
	for _, g := range []*objectgraph.Graph{empty, own} {
		m, err := g.FindIn(empty, "")
		require.NoError(t, err)
		assert.Empty(t, m.Keys)
		m, err = empty.FindIn(g, "")
		require.NoError(t, err)
		assert.Empty(t, m.Keys)
	}
	_, err := own.FindIn(empty, "net")
	require.NoError(t, err)
	_, known := empty.Paths().Of(0)
	assert.False(t, known)
	keys, ambiguous := empty.KeysOf([]string{"a/b"})
	assert.Empty(t, keys)
	assert.Empty(t, ambiguous)
	data, err := empty.Under([]string{"net", "deep"}).WithSaveCounter().Encode()
	require.NoError(t, err)
	back, err := objectgraph.Decode(data)
	require.NoError(t, err)
	assert.Len(t, back.Objects, 4)
	assert.NotEmpty(t, empty.WithSaveCounter().SaveCounterKey())
}

func TestNewRefusesEmptyNames(t *testing.T) {
	t.Parallel()
	g, err := objectgraph.New(map[string]string{"a.b/c": "w", "a.b": "v"})
	require.NoError(t, err)
	assert.Equal(t, "a..b/c/.ATTRIBUTES/VARIABLE_VALUE", g.Objects[2].Values[0].Key)
	assert.Len(t, g.Only(func(key string) bool { return key == "a..b/.ATTRIBUTES/VARIABLE_VALUE" }).Objects[1].Values, 1)
	assert.Len(t, g.Objects[2].Values, 1, "the original is as it was")
	for _, path := range []string{"", "a//b", "/a", "a/"} {
		_, err = objectgraph.New(map[string]string{path: "w"})
		require.ErrorIs(t, err, tfkeep.ErrArgument, path)
	}
}

// Each name is looked up in a graph of 2,000 variables, in each of the ways.
func TestKeysOfManyNames(t *testing.T) {
	t.Parallel()
	const n = 2_000
	g := &objectgraph.Graph{Objects: make([]objectgraph.Object, 1, n+1)}
	for i := range n {
		name := strconv.Itoa(i)
		g.Objects[0].Children = append(g.Objects[0].Children, objectgraph.Child{Name: "v" + name, Object: i + 1})
		g.Objects = append(g.Objects, objectgraph.Object{Values: []objectgraph.Value{{Full: "model/layer_" + name + "/kernel", Key: name}}})
	}
	finder := g.Finder()
	for _, way := range []string{"model/layer_%d/kernel", "v%d", "layer_%d/kernel", "x/model/layer_%d/kernel"} {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(way, i)
			keys, ambiguous := finder.Keys(names[i : i+1])
			require.Equal(t, strconv.Itoa(i), keys[names[i]], names[i])
			require.Empty(t, ambiguous)
		}
		keys, ambiguous := finder.Keys(names)
		require.Len(t, keys, n)
		require.Empty(t, ambiguous)
	}
}
