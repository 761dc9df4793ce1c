package tf

import (
	"context"
	"testing"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

func TestConfigProto(t *testing.T) {
	for _, c := range []struct {
		name    string
		options SessionOptions
		want    string
	}{
		{"default", SessionOptions{}, `allow_soft_placement: true`},
		{"strict", SessionOptions{DisallowSoftPlacement: true}, ``},
		{
			"gpu",
			SessionOptions{GPU: GPUOptions{AllowGrowth: true, MemoryFraction: 0.5, VisibleDevices: "1,0"}},
			`allow_soft_placement: true gpu_options { allow_growth: true per_process_gpu_memory_fraction: 0.5 visible_device_list: "1,0" }`,
		},
		{
			"threads",
			SessionOptions{IntraOpThreads: 2, InterOpThreads: -1, DeviceCount: map[string]int32{"GPU": 0}},
			`allow_soft_placement: true intra_op_parallelism_threads: 2 inter_op_parallelism_threads: -1 device_count { key: "GPU" value: 0 }`,
		},
		{
			"cluster",
			SessionOptions{OperationTimeout: 1500 * time.Microsecond, DeviceFilters: []string{"/job:ps"}, Isolate: true, LogDevicePlacement: true},
			`allow_soft_placement: true operation_timeout_in_ms: 2 device_filters: "/job:ps" isolate_session_state: true log_device_placement: true`,
		},
		{
			"no grappler",
			SessionOptions{DisableGrappler: true},
			`allow_soft_placement: true graph_options { rewrite_options { disable_meta_optimizer: true } }`,
		},
		{
			"over a config",
			SessionOptions{IntraOpThreads: 2, Config: &for_core_protos_go_proto.ConfigProto{IntraOpParallelismThreads: 1, InterOpParallelismThreads: 3}},
			`allow_soft_placement: true intra_op_parallelism_threads: 2 inter_op_parallelism_threads: 3`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := new(for_core_protos_go_proto.ConfigProto)
			require.NoError(t, prototext.Unmarshal([]byte(c.want), want))
			got, err := c.options.ConfigProto()
			require.NoError(t, err)
			assert.True(t, proto.Equal(want, got), "%v", got)
		})
	}
}

func TestConfigProtoKeepsConfig(t *testing.T) {
	config := &for_core_protos_go_proto.ConfigProto{IntraOpParallelismThreads: 1}
	before := proto.Clone(config)
	o := SessionOptions{Config: config, IntraOpThreads: 4, GPU: GPUOptions{AllowGrowth: true}, DisableGrappler: true}
	_, err := o.ConfigProto()
	require.NoError(t, err)
	assert.True(t, proto.Equal(before, config))
}

func TestRunUsesShortestLimit(t *testing.T) {
	raw, err := runOptions(t.Context(), nil, 0)
	require.NoError(t, err)
	assert.Nil(t, raw, "no options and no limit")

	const none = 0
	for _, c := range []struct {
		name                            string
		deadline, instead, own, session time.Duration
		least, most                     time.Duration
	}{
		{"the context's alone", 10 * time.Second, none, none, none, 9 * time.Second, 10 * time.Second},
		{"the run's is shorter", 10 * time.Second, none, time.Second, none, time.Second, time.Second},
		{"the context's is shorter", 10 * time.Second, none, 20 * time.Second, none, 9 * time.Second, 10 * time.Second},
		{"the session's alone", none, none, none, time.Second, none, none},
		{"the session's is shorter", 10 * time.Second, none, none, time.Second, none, none},
		{"the session's is longer", 10 * time.Second, none, none, time.Minute, 9 * time.Second, 10 * time.Second},
		{"another in the session's place", none, time.Minute, none, time.Second, time.Minute, time.Minute},
		{"another and a shorter context's", 10 * time.Second, time.Minute, none, time.Second, 9 * time.Second, 10 * time.Second},
		{"another and the run's", none, time.Minute, time.Second, time.Second, time.Second, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			if c.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.deadline)
				defer cancel()
			}
			if c.instead > 0 {
				ctx = WithOperationTimeout(ctx, c.instead)
			}
			raw, err := runOptions(ctx, &for_core_protos_go_proto.RunOptions{TimeoutInMs: c.own.Milliseconds(), TraceLevel: 1}, c.session)
			require.NoError(t, err)
			got := new(for_core_protos_go_proto.RunOptions)
			require.NoError(t, proto.Unmarshal(raw, got))
			assert.GreaterOrEqual(t, got.GetTimeoutInMs(), c.least.Milliseconds())
			assert.LessOrEqual(t, got.GetTimeoutInMs(), c.most.Milliseconds())
			assert.EqualValues(t, 1, got.GetTraceLevel())
		})
	}
}
