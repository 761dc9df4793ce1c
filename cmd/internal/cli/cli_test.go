package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		err    error
		code   int
		stderr string
	}{
		{"success", t.Context(), nil, cli.ExitOK, ""},
		{"failure", t.Context(), errors.New("no disk"), cli.ExitFailed, "tfkeep ls: no disk\n"},
		{"bad news", t.Context(), fmt.Errorf("in one file: %w", cli.ErrBadNews), cli.ExitFailed, ""},
		{"usage", t.Context(), fmt.Errorf("wrapped: %w", cli.Usagef("no %s", "CKPT")), cli.ExitUsage,
			"tfkeep ls: wrapped: no CKPT\nRun \"tfkeep ls --help\" for how to use it.\n"},
		{"interrupted", canceled, fmt.Errorf("read: %w", context.Canceled), cli.ExitFailed, "tfkeep ls: interrupted\n"},
		{"failed after an interrupt", canceled, errors.New("no disk"), cli.ExitFailed, "tfkeep ls: no disk\n"},
		{"canceled by itself", t.Context(), context.Canceled, cli.ExitFailed, "tfkeep ls: context canceled\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			f := cli.Failure{Stderr: &stderr, Command: "tfkeep ls"}
			assert.Equal(t, c.code, f.ExitCode(c.ctx, c.err))
			assert.Equal(t, c.stderr, stderr.String())
		})
	}
}

func TestExitCodeUsesPrint(t *testing.T) {
	t.Parallel()
	var printed error
	f := cli.Failure{Stderr: &bytes.Buffer{}, Print: func(err error) { printed = err }}
	failure := errors.New("no disk")
	assert.Equal(t, cli.ExitFailed, f.ExitCode(t.Context(), failure))
	assert.Equal(t, failure, printed)
}

func TestSplitList(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"a", "b c"}, cli.SplitList(" a,, b c ,"))
	assert.Empty(t, cli.SplitList(" , "))
}
