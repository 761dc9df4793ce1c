package cli_test

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/graphdef/check"
)

func TestLimitsFlag(t *testing.T) {
	t.Parallel()
	parse := func(args ...string) (*check.Limits, error) {
		var l *check.Limits
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		cli.LimitsFlag(flags, &l)
		return l, flags.Parse(args)
	}
	l, err := parse()
	require.NoError(t, err)
	assert.Nil(t, l)
	var got *check.Limits
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	cli.LimitsFlag(flags, &got)
	require.NoError(t, flags.Parse([]string{"--limit", "bytes=4GiB,nodes=-1", "--limit", "depth=7", "--limit", "function_depth=8,shape_depth=9,passed_on=10,nesting=11"}))
	assert.Equal(t, &check.Limits{Bytes: 4 << 30, Nodes: -1, Depth: 7, FunctionDepth: 8, ShapeDepth: 9, PassedOn: 10, Nesting: 11}, got)
	for _, bad := range []string{"memory=1", "bytes=", "bytes=x", "depth=1GiB", "nodes=0", "bytes=9999999999999GiB"} {
		_, err := parse("--limit", bad)
		require.Error(t, err, bad)
	}
}
