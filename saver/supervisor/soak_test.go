package supervisor_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
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

// soakPlan returns how often TestSoak kills the training, how long that lives on average, and
// the time between two saves.
func soakPlan(t *testing.T) (kills int, life, save time.Duration) {
	t.Helper()
	text := os.Getenv("TFKEEP_SOAK")
	if text == "" {
		return 5, 400 * time.Millisecond, 50 * time.Millisecond
	}
	whole, err := time.ParseDuration(text)
	require.NoError(t, err, "TFKEEP_SOAK is a duration, such as 30m")
	const most = 100
	life = whole / most
	return most, life, min(time.Second, life/5)
}

// evaluator looks at each new checkpoint, as a process beside the training.
type evaluator struct {
	t      *testing.T
	over   atomic.Bool
	done   chan struct{}
	looks  int
	last   int64   // the step that was seen last
	memory []int64 // of this process, in MiB, at each look
}

func startEvaluator(t *testing.T, folder string) *evaluator {
	t.Helper()
	e := &evaluator{t: t, done: make(chan struct{})}
	go func() {
		defer close(e.done)
		for r, err := range dir.Watch(t.Context(), folder, &dir.WatchOptions{Poll: 10 * time.Millisecond, Ended: e.over.Load}) {
			if assert.NoError(t, err) {
				e.look(r)
			}
		}
	}()
	return e
}

// look requires the values of one step, not older than those before.
func (e *evaluator) look(r *checkpoint.Reader) {
	step, err := checkpoint.Values[int64](e.t.Context(), r, "global_step", nil)
	if !assert.NoError(e.t, err) {
		return
	}
	values, err := checkpoint.Values[float32](e.t.Context(), r, "w0", nil)
	assert.NoError(e.t, err)
	for _, v := range values {
		if !assert.Equal(e.t, step[0], int64(v)) {
			break
		}
	}
	assert.GreaterOrEqual(e.t, step[0], e.last)
	e.last = step[0]
	e.looks++
	resident, err := procmem.Resident(os.Getpid())
	assert.NoError(e.t, err)
	e.memory = append(e.memory, resident>>20)
}

// soak is what is known about a training that is killed again and again.
type soak struct {
	t      *testing.T
	folder string
	saved  int64 // the highest step that was reported as saved
	saves  int
	files  int     // the most files that were there after a kill
	memory []int64 // of each life at its last save, in MiB
}

// live starts the training and kills it after a random time, life on average: counted from
// its first save, or from the start of the process.
func (s *soak) live(life, save time.Duration, fromFirstSave bool) {
	cmd := exec.CommandContext(s.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), soaked+"="+s.folder, soakSave+"="+save.String())
	out, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	kill := func() { _ = cmd.Process.Kill() }
	if !fromFirstSave {
		time.AfterFunc(rand.N(2*life), kill)
	}
	var memory int64
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "initialized"):
			assert.Zero(s.t, s.saved, "a fresh start after saves")
		case strings.HasPrefix(line, "resumed"):
			step, _ := numberAfter(line, "at step ")
			assert.GreaterOrEqual(s.t, step, s.saved, line)
			assert.NotContains(s.t, line, "skipped")
		case strings.HasPrefix(line, "ready"):
		case strings.HasPrefix(line, "saved"):
			if fromFirstSave && memory == 0 {
				time.AfterFunc(life/2+rand.N(life), kill)
			}
			if step, ok := numberAfter(line, "model-"); ok {
				s.saved = max(s.saved, step)
				s.saves++
			}
			if resident, err := procmem.Resident(cmd.Process.Pid); err == nil {
				memory = resident >> 20
			}
		default:
			assert.Fail(s.t, "the training failed", line)
		}
	}
	_ = cmd.Wait()
	if memory > 0 {
		s.memory = append(s.memory, memory)
	}
	s.files = max(s.files, len(must[[]os.DirEntry](s.t)(os.ReadDir(s.folder))))
}

// assertFlat asserts that memory, in MiB, does not grow: the last tenth is at most a fifth
// and 32 MiB above the first.
func assertFlat(t *testing.T, memory []int64, of string) {
	t.Helper()
	tenth := (len(memory) + 9) / 10
	if tenth == 0 {
		return
	}
	first, last := slices.Max(memory[:tenth]), slices.Max(memory[len(memory)-tenth:])
	assert.LessOrEqual(t, last, first+first/5+32, "memory of the %s in MiB: %v", of, memory)
}

// thinned returns about n of many values, for a log.
func thinned(values []int64, n int) (some []int64) {
	for i := 0; i < len(values); i += max(1, len(values)/n) {
		some = append(some, values[i])
	}
	return some
}

// TestSoak trains for the time in TFKEEP_SOAK, such as 30m, is killed 100 times meanwhile,
// and has an evaluator beside it; without TFKEEP_SOAK it is killed a few times. No checkpoint
// that was reported is lost, the evaluator sees no error and no mixed state, and the memory
// of both does not grow.
func TestSoak(t *testing.T) {
	kills, life, save := soakPlan(t)
	s := &soak{t: t, folder: t.TempDir()}
	e := startEvaluator(t, s.folder)
	for i := range kills {
		s.live(life, save, i%2 == 0)
	}
	e.over.Store(true)
	<-e.done
	t.Logf("%d kills, %d saves, %d evaluated, step %d, at most %d files; MiB of the evaluator %v, of the training %v",
		kills, s.saves, e.looks, s.saved, s.files, thinned(e.memory, 20), thinned(s.memory, 20))
	assert.Positive(t, s.saves)
	assert.Positive(t, e.looks)
	assert.LessOrEqual(t, s.files, 3*5+2*3+6, "5 checkpoints, one that is written, and temporary files")
	assertFlat(t, e.memory, "evaluator")
	assertFlat(t, s.memory, "training")
}
