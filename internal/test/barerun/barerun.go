// Package barerun runs steps of a graph by a C program that calls nothing but TF_SessionRun.
// Benchmarks compare with it what Go adds to a step.
package barerun

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed testdata/bare.c
var source []byte

// Group is the number of runs that are measured together.
const Group = 10

// Step is a step of a graph.
type Step struct {
	GraphDef string // the file of a binary GraphDef
	Inline   bool   // run in the calling thread, each operation in one thread
	// Init are the operations that run once before, Targets those of the step, and Fetches
	// those whose output 0 is fetched.
	Init, Targets, Fetches []string
	Feeds                  []Feed
}

// Feed is a tensor of zeros for output 0 of an operation.
type Feed struct {
	Op    string
	DType int32
	Shape []int64
}

// Program is the compiled program.
type Program struct{ path string }

// Build compiles the program into dir, for the TensorFlow library in prefix.
func Build(ctx context.Context, dir, prefix string) (*Program, error) {
	file, path := filepath.Join(dir, "bare.c"), filepath.Join(dir, "bare")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		return nil, err
	}
	prefix, err := filepath.Abs(prefix)
	if err != nil {
		return nil, err
	}
	cc := exec.CommandContext(ctx, "cc", "-O2", "-I"+prefix+"/include", file, "-o", path, "-L"+prefix+"/lib", "-ltensorflow", "-Wl,-rpath,"+prefix+"/lib")
	if out, err := cc.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the C program: %w\n%s", err, out)
	}
	return &Program{path}, nil
}

// Run measures groups of runs and returns the median and the shortest time of one run.
func (p *Program) Run(ctx context.Context, s Step, groups int) (median, fastest time.Duration, err error) {
	inline := "0"
	if s.Inline {
		inline = "1"
	}
	args := []string{s.GraphDef, strconv.Itoa(groups), inline, list(s.Init), list(s.Targets), list(s.Fetches)}
	for _, f := range s.Feeds {
		dims := make([]string, len(f.Shape))
		for i, d := range f.Shape {
			dims[i] = strconv.FormatInt(d, 10)
		}
		args = append(args, fmt.Sprintf("%s=%d:%s", f.Op, f.DType, strings.Join(dims, ",")))
	}
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Env = append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=3", "CUDA_VISIBLE_DEVICES=-1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("%w\n%s", err, stderr.String())
	}
	var seconds [2]float64
	if _, err := fmt.Sscan(string(out), &seconds[0], &seconds[1]); err != nil {
		return 0, 0, fmt.Errorf("the C program printed %q: %w", out, err)
	}
	return duration(seconds[0]), duration(seconds[1]), nil
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func list(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ",")
}
