package supervisor_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/saver/supervisor"
)

// soaked is the environment variable with the directory in which this test binary trains
// until it is killed, and soakSave that with the time between two saves.
const (
	soaked   = "TFKEEP_TEST_SOAKED"
	soakSave = "TFKEEP_TEST_SOAK_SAVE"
)

// soakMain trains and saves, and prints the events.
func soakMain(folder string) {
	every, err := time.ParseDuration(os.Getenv(soakSave))
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := newModel(0, 1<<16, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	o := &supervisor.Options{Dir: folder, SaveInterval: every, SaveAsync: true, OnEvent: func(e supervisor.Event) { fmt.Println(e) }}
	err = supervisor.Run(context.Background(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		for {
			time.Sleep(time.Millisecond) // float32 counts to 2^24 only
			if err := steps(m, 1)(ctx, r); err != nil {
				return err
			}
		}
	})
	fmt.Println(err)
}

// numberAfter returns the number that follows a word in a line.
func numberAfter(line, word string) (int64, bool) {
	_, rest, ok := strings.Cut(line, word)
	if !ok {
		return 0, false
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		rest = rest[:end]
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	return n, err == nil
}

// TestSoak trains for the time in TFKEEP_SOAK, such as 30m, is killed 100 times meanwhile,
// and has an evaluator beside it. No checkpoint that was reported is lost, the evaluator sees
// no error and no mixed state, and its memory does not grow.
func TestSoak(t *testing.T) {
	whole, err := time.ParseDuration(os.Getenv("TFKEEP_SOAK"))
	if err != nil {
		t.Skip("TFKEEP_SOAK is not set; make soak sets it")
	}
	const kills = 100
	life := whole / kills
	folder := t.TempDir()
	var over atomic.Bool
	var evaluated int
	var memory []int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r, err := range dir.Watch(t.Context(), folder, &dir.WatchOptions{Poll: 10 * time.Millisecond, Ended: over.Load}) {
			if !assert.NoError(t, err) {
				continue
			}
			step, err := checkpoint.Values[int64](t.Context(), r, "global_step", nil)
			assert.NoError(t, err)
			values, err := checkpoint.Values[float32](t.Context(), r, "w0", nil)
			assert.NoError(t, err)
			for _, v := range values {
				if !assert.Equal(t, step[0], int64(v)) {
					break
				}
			}
			evaluated++
			if evaluated%20 == 0 {
				resident, err := procmem.Resident(os.Getpid())
				assert.NoError(t, err)
				memory = append(memory, resident>>20)
			}
		}
	}()
	var saved int64
	var saves, slowest int
	for range kills {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), soaked+"="+folder, soakSave+"="+min(time.Second, life/5).String())
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			line := lines.Text()
			if strings.HasPrefix(line, "initialized") {
				assert.Zero(t, saved, "a fresh start after saves")
			}
			if step, ok := numberAfter(line, "at step "); ok && strings.HasPrefix(line, "resumed") {
				assert.GreaterOrEqual(t, step, saved, line)
				assert.NotContains(t, line, "skipped")
			}
			if strings.HasPrefix(line, "ready") {
				time.AfterFunc(life/2+rand.N(life), func() { _ = cmd.Process.Kill() })
			}
			if step, ok := numberAfter(line, "model-"); ok && strings.HasPrefix(line, "saved") {
				saved = max(saved, step)
				saves++
			}
		}
		_ = cmd.Wait()
		slowest = max(slowest, len(must[[]os.DirEntry](t)(os.ReadDir(folder))))
	}
	over.Store(true)
	<-done
	t.Logf("%d kills, %d saves, %d evaluated, step %d, at most %d files, memory of the evaluator in MiB %v", kills, saves, evaluated, saved, slowest, memory)
	assert.Positive(t, evaluated)
	assert.LessOrEqual(t, slowest, 3*5+2*3+6, "5 checkpoints, one that is written, and temporary files")
}
