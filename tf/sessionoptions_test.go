package tf

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

func TestSessionOptionsBecomeAConfigProto(t *testing.T) {
	for name, c := range map[string]struct {
		options SessionOptions
		want    string
	}{
		"default": {SessionOptions{}, `allow_soft_placement: true`},
		"strict":  {SessionOptions{DisallowSoftPlacement: true}, ``},
		"gpu": {
			SessionOptions{GPU: GPUOptions{AllowGrowth: true, MemoryFraction: 0.5, VisibleDevices: "1,0"}},
			`allow_soft_placement: true gpu_options { allow_growth: true per_process_gpu_memory_fraction: 0.5 visible_device_list: "1,0" }`,
		},
		"threads": {
			SessionOptions{IntraOpThreads: 2, InterOpThreads: -1, DeviceCount: map[string]int32{"GPU": 0}},
			`allow_soft_placement: true intra_op_parallelism_threads: 2 inter_op_parallelism_threads: -1 device_count { key: "GPU" value: 0 }`,
		},
		"cluster": {
			SessionOptions{OperationTimeout: 1500 * time.Microsecond, DeviceFilters: []string{"/job:ps"}, Isolate: true, LogDevicePlacement: true},
			`allow_soft_placement: true operation_timeout_in_ms: 2 device_filters: "/job:ps" isolate_session_state: true log_device_placement: true`,
		},
		"no grappler": {
			SessionOptions{DisableGrappler: true},
			`allow_soft_placement: true graph_options { rewrite_options { disable_meta_optimizer: true } }`,
		},
		"over a config": {
			SessionOptions{IntraOpThreads: 2, Config: &ConfigProto{IntraOpParallelismThreads: 1, InterOpParallelismThreads: 3}},
			`allow_soft_placement: true intra_op_parallelism_threads: 2 inter_op_parallelism_threads: 3`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := new(ConfigProto)
			require.NoError(t, prototext.Unmarshal([]byte(c.want), want))
			got, err := c.options.proto()
			require.NoError(t, err)
			assert.True(t, proto.Equal(want, got), "%v", got)
		})
	}
}

func TestSessionOptionsLeaveTheConfigAlone(t *testing.T) {
	config := &ConfigProto{IntraOpParallelismThreads: 1}
	before := proto.Clone(config)
	o := SessionOptions{Config: config, IntraOpThreads: 4, GPU: GPUOptions{AllowGrowth: true}, DisableGrappler: true}
	_, err := o.proto()
	require.NoError(t, err)
	assert.True(t, proto.Equal(before, config))
}

func TestRunOptionsTakeTheShorterTimeLimit(t *testing.T) {
	raw, err := runOptions(t.Context(), nil)
	require.NoError(t, err)
	assert.Nil(t, raw, "nothing to say")

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, c := range []struct{ own, least, most int64 }{
		{0, 9000, 10000}, {100, 100, 100}, {20000, 9000, 10000},
	} {
		raw, err := runOptions(ctx, &RunOptions{TimeoutInMs: c.own, TraceLevel: 1})
		require.NoError(t, err)
		got := new(RunOptions)
		require.NoError(t, proto.Unmarshal(raw, got))
		assert.GreaterOrEqual(t, got.GetTimeoutInMs(), c.least)
		assert.LessOrEqual(t, got.GetTimeoutInMs(), c.most)
		assert.EqualValues(t, 1, got.GetTraceLevel())
	}
}
