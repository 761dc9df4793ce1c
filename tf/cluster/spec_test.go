package cluster_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

func TestSpecMatchesPython(t *testing.T) {
	sparse := map[string]map[int]string{
		"ps":     {0: "a:2222", 1: "b:2222"},
		"worker": {3: "c:1", 7: "d:1", 8: "[::1]:5"},
		"chief":  {},
	}
	want := oracle.Value[struct {
		Def     []byte
		Jobs    []string
		Indices []int
		Number  int
		Address string
	}](t, `
jobs = {job: {int(i): a for i, a in tasks.items()} for job, tasks in args[0].items()}
c = tf.train.ClusterSpec(jobs)
result = {"Def": c.as_cluster_def().SerializeToString(deterministic=True), "Jobs": sorted(c.jobs), "Indices": c.task_indices("worker"),
          "Number": c.num_tasks("worker"), "Address": c.task_address("worker", 7)}
`, sparse)
	c, err := cluster.NewSpec(sparse)
	require.NoError(t, err)
	def := new(for_core_protos_go_proto.ClusterDef)
	require.NoError(t, proto.Unmarshal(want.Def, def))
	assert.True(t, proto.Equal(def, cluster.Def(c)), "%v %v", def, cluster.Def(c))
	assert.Equal(t, []string{"chief", "ps", "worker"}, want.Jobs)
	var indices []int
	for task, address := range c.Tasks() {
		assert.Equal(t, sparse[task.Job][task.Index], address)
		if task.Job == "worker" {
			indices = append(indices, task.Index)
		}
	}
	assert.Equal(t, want.Indices, indices)
	assert.Equal(t, want.Number, c.NumTasks("worker"))
	address, err := c.Address(cluster.Task{Job: "worker", Index: 7})
	require.NoError(t, err)
	assert.Equal(t, want.Address, address)

	again, err := cluster.ParseSpec(c.String())
	require.NoError(t, err)
	assert.Equal(t, c.String(), again.String())
	assert.Equal(t, "chief=;ps=a:2222,b:2222;worker=3@c:1,7@d:1,[::1]:5", c.String())
	other, err := cluster.ParseSpec(" ps = a:2222 , b:2222; ")
	require.NoError(t, err)
	assert.Equal(t, "ps=a:2222,b:2222", other.String())
}

func TestAddressOfUnknownTask(t *testing.T) {
	c, err := cluster.ParseSpec("ps=a:1;worker=2@b:1")
	require.NoError(t, err)
	_, err = c.Address(cluster.Task{Job: "worker"})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	require.ErrorContains(t, err, "its tasks are [2]")
	_, err = c.Address(cluster.Task{Job: "chief"})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	require.ErrorContains(t, err, "its jobs are ps, worker")
	assert.Zero(t, c.NumTasks("chief"))
	_, err = new(cluster.Spec).Address(cluster.Task{Job: "ps"})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	var none *cluster.Spec
	_, err = none.Address(cluster.Task{Job: "ps"})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.Equal(t, none.String(), new(cluster.Spec).String())
}

func TestParseSpecRefuses(t *testing.T) {
	for _, tt := range []struct{ spec, want string }{
		{"", "no jobs"},
		{";", "no jobs"},
		{"ps", `"ps" is not a job`},
		{"=a:1", `job ""`},
		{"a/b=a:1", `job "a/b"`},
		{"1=a:1", `job "1"`},
		{"ps=a", `/job:ps/task:0: "a" is not an address`},
		{"ps=a:1,", "empty address"},
		{"ps=:1", "is not an address"},
		{"ps=a:x", "no port"},
		{"ps=a:65536", "no port"},
		{"ps=a:+1", "no port"},
		{"ps=::1:5", "is not an address"},
		{"ps=a b:5", "is not an address"},
		{"ps=http://a:5", "is not an address"},
		{"ps=a:1,a:1", "/job:ps/task:0 and /job:ps/task:1 have the same address a:1"},
		{"ps=a:1;worker=a:1", "/job:ps/task:0 and /job:worker/task:0"},
		{"ps=a:1;ps=b:1", `job "ps" is listed twice`},
		{"ps=x@a:1", "not a task's number"},
		{"ps=-1@a:1", "numbered from 0"},
		{"ps=1@a:1,1@b:1", "/job:ps/task:1 is listed twice"},
		{"ps=9999999999@a:1", "numbered from 0"},
		{"ps=a:1;worker=b:1;chief@c:1", "is not a job"},
	} {
		_, err := cluster.ParseSpec(tt.spec)
		require.ErrorIs(t, err, tfkeep.ErrArgument, tt.spec)
		assert.ErrorContains(t, err, tt.want, tt.spec)
	}
	c, err := cluster.ParseSpec("ps=localhost:0,localhost:0")
	require.NoError(t, err, "the system chooses the ports")
	assert.Equal(t, 2, c.NumTasks("ps"))
}

func TestFromEnvMatchesPython(t *testing.T) {
	for _, config := range []string{
		`{"cluster": {"ps": ["a:2222"], "worker": ["b:2222", "c:2222"]}, "task": {"type": "worker", "index": 1}}`,
		`{"cluster": {"ps": ["a:2222"], "worker": ["b:2222", "c:2222"]}, "task": {"type": "worker", "index": "1"}}`,
		`{"cluster": {"chief": ["a:2222"], "worker": ["b:2222"]}, "task": {"type": "evaluator", "index": 0}, "environment": "cloud"}`,
		`{"cluster": {"worker": ["b:2222"]}, "rpc_layer": "grpc", "task": {"type": "worker", "index": 0}}`,
	} {
		t.Setenv("TF_CONFIG", config)
		want := oracle.Value[struct {
			Def  []byte
			Type string
			ID   int
		}](t, `
import os
os.environ["TF_CONFIG"] = args[0]
r = tf.distribute.cluster_resolver.TFConfigClusterResolver()
result = {"Def": r.cluster_spec().as_cluster_def().SerializeToString(), "Type": r.task_type, "ID": r.task_id}
del os.environ["TF_CONFIG"]
`, config)
		spec, task, err := cluster.FromEnv()
		require.NoError(t, err, config)
		def := new(for_core_protos_go_proto.ClusterDef)
		require.NoError(t, proto.Unmarshal(want.Def, def))
		assert.True(t, proto.Equal(def, cluster.Def(spec)), config)
		assert.Equal(t, cluster.Task{Job: want.Type, Index: want.ID}, task)
	}
}

func TestFromEnvRefuses(t *testing.T) {
	t.Setenv("TF_CONFIG", "")
	_, _, err := cluster.FromEnv()
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	for _, tt := range []struct{ config, want string }{
		{"{", "unexpected end"},
		{"{}", "no jobs"},
		{`{"cluster": {"ps": "a:1"}}`, "TF_CONFIG"},
		{`{"cluster": {"ps": ["a"]}}`, "not an address"},
		{`{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": "x"}}`, "is not a number"},
		{`{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": -1}}`, "is not a number"},
	} {
		t.Setenv("TF_CONFIG", tt.config)
		_, _, err := cluster.FromEnv()
		require.ErrorIs(t, err, tfkeep.ErrArgument, tt.config)
		assert.ErrorContains(t, err, tt.want, tt.config)
	}
	t.Setenv("TF_CONFIG", `{"cluster": {"worker": {"3": "a:1"}}, "task": {"type": "worker", "index": 3}}`)
	spec, task, err := cluster.FromEnv()
	require.NoError(t, err)
	assert.Equal(t, "worker=3@a:1", spec.String())
	assert.Equal(t, "/job:worker/task:3", task.String())
}
