package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/internal/test/python"
)

// Env is the environment of a pair.
type Env struct {
	Dir    string // a folder for the pair's files, which is removed afterwards
	Bin    string // the folder with the programs that "make bench" builds
	Python string // the interpreter

	shared  *python.Process // used by all pairs, so that TensorFlow is loaded once
	cleanup []func()
}

// Defer calls f when the pair is done.
func (e *Env) Defer(f func()) { e.cleanup = append(e.cleanup, f) }

func (e *Env) done() {
	for i := len(e.cleanup) - 1; i >= 0; i-- {
		e.cleanup[i]()
	}
	e.cleanup = nil
}

// Script runs Python code in the shared process, whose dict "kept" outlives the
// script. A script sees the same names as in internal/test/oracle.
func (e *Env) Script(text string, args ...any) (json.RawMessage, error) {
	return e.script(python.Script{Text: text, Args: args})
}

// EagerScript is Script with eager execution.
func (e *Env) EagerScript(text string, args ...any) (json.RawMessage, error) {
	return e.script(python.Script{Text: text, Args: args, Eager: true})
}

func (e *Env) script(s python.Script) (json.RawMessage, error) {
	s.Limit = 10 * time.Minute
	if e.shared == nil {
		p, err := python.Start(e.Python)
		if err != nil {
			return nil, err
		}
		e.shared = p
	}
	raw, err := e.shared.Run(s)
	var raised *python.Error
	if errors.As(err, &raised) {
		return nil, fmt.Errorf("%w\n%s", err, raised.Traceback)
	}
	return raw, err
}

// InPython measures a script in the shared process. The script measures its own time and
// assigns the seconds to result, so that the communication does not count.
func (e *Env) InPython(text string, args ...any) Measure {
	return e.measured(python.Script{Text: text, Args: args})
}

// InEagerPython is InPython with eager execution.
func (e *Env) InEagerPython(text string, args ...any) Measure {
	return e.measured(python.Script{Text: text, Args: args, Eager: true})
}

func (e *Env) measured(s python.Script) Measure {
	return func(context.Context) (Sample, error) {
		raw, err := e.script(s)
		if err != nil {
			return Sample{}, err
		}
		var seconds float64
		if err := json.Unmarshal(raw, &seconds); err != nil {
			return Sample{}, fmt.Errorf("the script's result is not its time in seconds: %w", err)
		}
		return Sample{Time: time.Duration(seconds * float64(time.Second))}, nil
	}
}

// InGo measures a function of this process.
func (e *Env) InGo(f func(ctx context.Context) error) Measure {
	return func(ctx context.Context) (Sample, error) {
		start := time.Now()
		err := f(ctx)
		return Sample{Time: time.Since(start)}, err
	}
}

// Program measures the time of a new process from its start to its first line of output,
// or to its end if it prints nothing, and its peak memory. The first argument is the
// program.
func (e *Env) Program(args ...string) Measure {
	return func(ctx context.Context) (Sample, error) {
		sample, _, err := e.start(ctx, args)
		return sample, err
	}
}

// Reporting runs a new process that measures itself: its first line of output is its
// time in seconds.
func (e *Env) Reporting(args ...string) Measure {
	return func(ctx context.Context) (Sample, error) {
		_, first, err := e.start(ctx, args)
		if err != nil {
			return Sample{}, err
		}
		seconds, err := strconv.ParseFloat(strings.TrimSpace(first), 64)
		if err != nil {
			return Sample{}, fmt.Errorf("%s: its first line is not its time in seconds: %w", args[0], err)
		}
		return Sample{Time: time.Duration(seconds * float64(time.Second))}, nil
	}
}

// start runs a program to its end. It also returns its first line of output.
func (e *Env) start(ctx context.Context, args []string) (sample Sample, line string, err error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=3", "CUDA_VISIBLE_DEVICES=-1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return sample, "", err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return sample, "", err
	}
	peak := watchMemory(cmd.Process.Pid)
	out := bufio.NewReader(stdout)
	line, first := out.ReadString('\n')
	took := time.Since(start)
	if _, err := io.Copy(io.Discard, out); err != nil {
		return sample, "", err
	}
	if err := cmd.Wait(); err != nil {
		return sample, "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	if first != nil {
		took = time.Since(start)
	}
	return Sample{Time: took, Memory: peak()}, line, nil
}

// watchMemory watches the peak memory of a process until peak is called, which returns
// it in bytes, or 0 if the system does not report it. The number of wait4 is wrong here:
// a child counts the memory of the process that started it as its own.
func watchMemory(pid int) (peak func() int64) {
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		peak := int64(0)
		for {
			peak = max(peak, peakMemory(pid))
			select {
			case <-stop:
				result <- peak
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() int64 { close(stop); return <-result }
}

// peakMemory returns the peak resident memory of a running process in bytes, or 0 if the
// system does not report it.
func peakMemory(pid int) int64 {
	bytes, err := procmem.Peak(pid)
	if err != nil {
		return 0
	}
	return bytes
}

// PythonProgram is Program for Python code, which gets the arguments in sys.argv[1:].
func (e *Env) PythonProgram(text string, args ...string) (Measure, error) {
	file, err := e.pythonFile(text)
	return e.Program(append([]string{e.Python, file}, args...)...), err
}

// PythonReporting is Reporting for Python code.
func (e *Env) PythonReporting(text string, args ...string) (Measure, error) {
	file, err := e.pythonFile(text)
	return e.Reporting(append([]string{e.Python, file}, args...)...), err
}

func (e *Env) pythonFile(text string) (string, error) {
	f, err := os.CreateTemp(e.Dir, "*.py")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	return f.Name(), errors.Join(err, f.Close())
}

// Self is Program for one of the tasks of this program.
func (e *Env) Self(task string, args ...string) Measure {
	return e.Program(append([]string{filepath.Join(e.Bin, "bench"), "-task", task}, args...)...)
}

// SelfReporting is Self for a task that measures itself.
func (e *Env) SelfReporting(task string, args ...string) Measure {
	return e.Reporting(append([]string{filepath.Join(e.Bin, "bench"), "-task", task}, args...)...)
}
