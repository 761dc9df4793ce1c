package freeze_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/python"
)

// program is a random program of testdata/programs.py, which writes variables and reads
// them.
type program struct {
	Seed                int
	World               string // "ref", "resource" or "function"
	Control             bool   // what is written is never read
	Text                string // its steps
	Why                 string // why it has no truth and does not count; "" if it counts
	Path, Input, Output string
}

// verdict is what became of a program.
type verdict string

const (
	equal   verdict = "equal"
	refused verdict = "refused"
	endless verdict = "endless"
	wrong   verdict = "wrong"
)

// maxRefused is the part of the programs that may be refused.
const maxRefused = 0.25

// TestProgramsFreezeEqual freezes random programs that write and read variables. The
// frozen graph must compute what the first run after a restore computes, or the freeze
// must be refused. FREEZE_PROGRAMS=FIRST:COUNT runs other programs than the usual ones. With
// -v those that are not equal are shown.
func TestProgramsFreezeEqual(t *testing.T) {
	first, count := 0, 340
	if s := os.Getenv("FREEZE_PROGRAMS"); s != "" {
		_, err := fmt.Sscanf(s, "%d:%d", &first, &count)
		require.NoError(t, err, "FREEZE_PROGRAMS is FIRST:COUNT")
	}
	counts, controls := map[verdict]int{}, map[verdict]int{}
	for _, r := range runPrograms(t, first, count) {
		if r.Why != "" {
			counts["without a truth"]++
			continue
		}
		counts[r.verdict]++
		if r.Control {
			controls[r.verdict]++
		}
		if r.verdict == wrong || r.verdict == endless || r.verdict == refused && r.Control {
			t.Logf("seed %d (%s), %s: %s\n%s", r.Seed, r.World, r.verdict, r.detail, r.Text)
		}
	}
	t.Logf("programs: %v; controls among them: %v", counts, controls)
	counted := counts[equal] + counts[refused] + counts[endless] + counts[wrong]
	assert.Greater(t, counted, count*3/4, "programs that have a truth")
	assert.Zero(t, counts[wrong], "wrong")
	assert.Zero(t, counts[endless], "endless")
	assert.LessOrEqual(t, float64(counts[refused]), maxRefused*float64(counted), "refused")
	assert.Len(t, controls, 1, "all controls are equal")
}

type programResult struct {
	program
	verdict verdict
	detail  string
}

// batchSize is the number of programs that one script writes.
const batchSize = 20

// runPrograms makes, freezes and judges programs, with two Python processes.
func runPrograms(t *testing.T, first, count int) []programResult {
	t.Helper()
	batches := make(chan []int, count/batchSize+1)
	var seeds []int
	for n := range count {
		if seeds = append(seeds, first+n); len(seeds) == batchSize || n == count-1 {
			batches <- seeds
			seeds = nil
		}
	}
	close(batches)
	var (
		mu      sync.Mutex
		results []programResult
		wg      sync.WaitGroup
	)
	interpreter := oracle.Python(t)
	for range 2 {
		wg.Go(func() {
			w := &programWorker{t: t, interpreter: interpreter}
			defer w.close()
			for seeds := range batches {
				rs, err := w.run(seeds)
				if !assert.NoError(t, err, "programs %v", seeds) {
					return
				}
				mu.Lock()
				results = append(results, rs...)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return results
}

// programWorker runs programs in a Python process of its own.
type programWorker struct {
	t           *testing.T
	interpreter string
	process     *python.Process // nil before the first script and after one that hung
}

func (w *programWorker) close() {
	if w.process != nil {
		w.process.Close()
	}
}

// ask calls a function of testdata/programs.py.
func (w *programWorker) ask(result any, limit time.Duration, call string, args ...any) error {
	if w.process == nil || w.process.Ended() {
		var err error
		if w.process, err = python.Start(w.interpreter); err != nil {
			return err
		}
	}
	dir, err := filepath.Abs("testdata")
	if err != nil {
		return err
	}
	raw, err := w.process.Run(python.Script{Text: python.CallFunction(dir, "programs", call), Args: args, Eager: true, Limit: limit})
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

// run makes, freezes and judges the programs of some seeds.
func (w *programWorker) run(seeds []int) ([]programResult, error) {
	dir, err := os.MkdirTemp(w.t.TempDir(), "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var programs []program
	if err := w.ask(&programs, 10*time.Minute, "write", seeds, dir); err != nil {
		return nil, err
	}
	var results []programResult
	for i, p := range programs {
		r := programResult{program: p}
		if p.Why == "" {
			r.verdict, r.detail, err = w.judge(p, filepath.Join(dir, fmt.Sprintf("%d.pb", p.Seed)))
		}
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w\n%s", p.Seed, err, p.Text)
		}
		results = append(results, r)
		if i+1 < len(programs) && w.process.Ended() { // with what it knows about the rest
			var rest []int
			for _, p := range programs[i+1:] {
				rest = append(rest, p.Seed)
			}
			more, err := w.run(rest)
			return append(results, more...), err
		}
	}
	return results, nil
}

// judge freezes a program and compares.
func (w *programWorker) judge(p program, path string) (verdict, string, error) {
	if err := p.freeze(w.t.Context(), path); err != nil {
		return refused, err.Error(), nil
	}
	var answer string
	err := w.ask(&answer, 30*time.Second, "judge", p.World, p.Seed, path, p.Input, p.Output)
	switch {
	case errors.Is(err, python.ErrTimeout): // TensorFlow does not stop every loop at its own limit
		return endless, err.Error(), nil
	case err != nil:
		return "", "", err
	case answer == string(equal) || answer == string(endless):
		return verdict(answer), "", nil
	}
	return wrong, answer, nil
}

func (p program) freeze(ctx context.Context, to string) error {
	o := &freeze.Options{Outputs: []string{p.Output}}
	from := freeze.FromCheckpoint
	if p.World == "function" {
		from = freeze.FromSavedModel
	}
	plan, err := from(ctx, p.Path, o)
	if err != nil {
		if strings.Contains(err.Error(), "no variables") { // the output reads none
			o.AllowNoVariables = true
			plan, err = from(ctx, p.Path, o)
		}
		if err != nil {
			return err
		}
	}
	defer plan.Close()
	return plan.WriteFile(ctx, to, nil)
}
