package trace_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/step_stats_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/trace"
)

type events struct {
	TraceEvents []map[string]any
}

// operations returns the events of operations.
func (e events) operations() []map[string]any {
	var ops []map[string]any
	for _, event := range e.TraceEvents {
		if event["ph"] == "X" {
			ops = append(ops, event)
		}
	}
	return ops
}

// sameAsPython compares the operations with those of Python's timeline.
func sameAsPython(t *testing.T, stats *step_stats_go_proto.StepStats) []map[string]any {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, trace.WriteChrome(&buf, stats))
	var got, want events
	require.NoError(t, json.Unmarshal(buf.Bytes(), &got))
	raw, err := proto.Marshal(stats)
	require.NoError(t, err)
	python := oracle.Value[string](t, `
from tensorflow.core.framework import step_stats_pb2
from tensorflow.python.client import timeline
stats = step_stats_pb2.StepStats.FromString(args[0])
result = timeline.Timeline(stats).generate_chrome_trace_format(show_dataflow=False, show_memory=False)`, raw)
	require.NoError(t, json.Unmarshal([]byte(python), &want))
	assert.Equal(t, want.operations(), got.operations())
	names := map[any]any{}
	for _, e := range want.TraceEvents {
		if e["ph"] == "M" {
			names[e["pid"]] = e["args"]
		}
	}
	for _, e := range got.TraceEvents {
		if e["ph"] == "M" {
			assert.Equal(t, names[e["pid"]], e["args"])
		}
	}
	return got.operations()
}

func TestTraceOfARunIsPythons(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Placeholder(s.Sub("net"), dtype.Float32)
	y := op.Sum(s, op.MatMul(s.Sub("net"), x, x), op.Const(s, []int32{0, 1}))
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	v, err := tf.NewTensor([][]float32{{1, 2}, {3, 4}})
	require.NoError(t, err)
	md := new(tf.RunMetadata)
	_, err = sess.Run(t.Context(), map[tf.Output]*tf.Tensor{x: v}, []tf.Output{y}, nil, &tf.RunOptions{Trace: true, Metadata: md})
	require.NoError(t, err)
	var types, nodes []any
	for _, e := range sameAsPython(t, md.GetStepStats()) {
		types = append(types, e["name"])
		nodes = append(nodes, e["args"].(map[string]any)["name"])
	}
	assert.Contains(t, types, "Sum")
	assert.Contains(t, nodes, "net_1/MatMul")
}

func TestTraceOfOtherLabels(t *testing.T) {
	stats := new(step_stats_go_proto.StepStats)
	require.NoError(t, prototext.Unmarshal([]byte(`
dev_stats { device: "/job:w/task:0/cpu:0"
  node_stats { node_name: "a" all_start_micros: 10 all_end_rel_micros: 5 timeline_label: "a = Add(x, y)" }
  node_stats { node_name: "b" all_start_micros: 12 all_end_rel_micros: 0 timeline_label: "b = NoOp()" }
  node_stats { node_name: "c" all_start_micros: 16 all_end_rel_micros: 1 timeline_label: "no label" }
  node_stats { node_name: "RecvTensor" all_start_micros: 17 all_end_rel_micros: 3 timeline_label: "edge from /cpu:0 to /cpu:1" } }
dev_stats { device: "/device:GPU:0/stream:13"
  node_stats { node_name: "d:Conv2D" all_start_micros: 11 all_end_rel_micros: 4 timeline_label: "void kernel@@net/conv:Conv2D#id=3#" }
  node_stats { node_name: "e" all_start_micros: 19 all_end_rel_micros: 4 timeline_label: "plain" } }`), stats))
	assert.Len(t, sameAsPython(t, stats), 6)
}

func TestWriteChromeRefusesNothing(t *testing.T) {
	err := trace.WriteChrome(io.Discard, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "Trace: true")
}
