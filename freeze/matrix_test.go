package freeze_test

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/models.py
var models string

// script runs expr after testdata/models.py.
func script(expr string) string { return models + "\nresult = " + expr + "\n" }

type model struct {
	dir   string
	want  [][]float64
	feeds map[string]any
}

func writeModel(t *testing.T, kind string) model {
	t.Helper()
	dir := t.TempDir()
	var got struct {
		Y     [][]float64
		Feeds map[string]any
	}
	r := oracle.Run(t, script("dict(zip(('y', 'feeds'), write(tf, tf1, np, os, args[0], args[1])))"), kind, dir)
	r.Decode(t, &got)
	return model{dir: dir, want: got.Y, feeds: got.Feeds}
}

// check runs a frozen graph in Python and compares it with the live model.
func (m model) check(t *testing.T, path string) {
	t.Helper()
	var got struct {
		Y   [][]float64
		Ops []string
	}
	r := oracle.Run(t, script("dict(zip(('y', 'ops'), run(tf, tf1, np, args[0], args[1])))"), path, m.feeds)
	r.Decode(t, &got)
	require.Len(t, got.Y, len(m.want))
	for i := range m.want {
		assert.InDeltaSlice(t, m.want[i], got.Y[i], 1e-6, "row %d", i)
	}
	for _, op := range got.Ops {
		assert.NotContains(t, []string{"Variable", "VariableV2", "VarHandleOp", "ReadVariableOp", "Assign", "AssignSub",
			"AssignSubVariableOp", "AssignVariableOp", "ResourceGather", "RefSwitch"}, op)
	}
}

// TensorFlow's own freeze_graph can freeze only a part of these graphs.
func TestEveryGraphFromEverySource(t *testing.T) {
	t.Parallel()
	kinds := []string{
		"mlp:ref", "mlp:resource", "bn:ref", "bn:resource", "bn:v2flow", "bn:v1flow", "update:ref", "update:resource",
		"while:ref", "while:v1flow", "while:v2flow", "cond:ref", "cond:v1flow", "cond:v2flow", "case:v1flow", "case:v2flow",
		"embedding:ref", "embedding:resource", "loopembedding:v1flow", "loopembedding:v2flow",
		"partitioned:ref", "partitioned:resource", "mixed:ref", "mixed:resource", "function:resource", "ownhandle:v2flow",
	}
	outputs := &freeze.Options{Outputs: []string{"y"}}
	sources := map[string]func(dir string) (*freeze.Plan, error){
		"meta graph": func(dir string) (*freeze.Plan, error) {
			return freeze.FromMetaGraph(t.Context(), filepath.Join(dir, "model.meta"), filepath.Join(dir, "model"), outputs)
		},
		"checkpoint alone": func(dir string) (*freeze.Plan, error) {
			return freeze.FromCheckpoint(t.Context(), filepath.Join(dir, "model"), outputs)
		},
		"binary graph": func(dir string) (*freeze.Plan, error) {
			return freeze.FromGraph(t.Context(), filepath.Join(dir, "graph.pb"), filepath.Join(dir, "model"), outputs)
		},
		"text graph": func(dir string) (*freeze.Plan, error) {
			return freeze.FromGraph(t.Context(), filepath.Join(dir, "graph.pbtxt"), filepath.Join(dir, "model"), outputs)
		},
		"SavedModel": func(dir string) (*freeze.Plan, error) {
			return freeze.FromSavedModel(t.Context(), filepath.Join(dir, "saved_model"), outputs)
		},
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			m := writeModel(t, kind)
			for name, from := range sources {
				t.Run(name, func(t *testing.T) {
					plan, err := from(m.dir)
					require.NoError(t, err)
					defer plan.Close()
					path := filepath.Join(t.TempDir(), "frozen.pb")
					require.NoError(t, plan.WriteFile(t.Context(), path, nil))
					r := plan.Report()
					written, err := os.Stat(path)
					require.NoError(t, err)
					assert.Equal(t, r.Size, written.Size(), "the report has the size of the file")
					assert.NotEmpty(t, r.Frozen)
					assert.Empty(t, r.Kept, fmt.Sprint(r.Kept))
					m.check(t, path)
				})
			}
		})
	}
}
