package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/python"
)

// Error is an exception that a script raised.
type Error = python.Error

// ErrTimeout is the kind of the error for a script that exceeded its time limit. The next
// script gets a new process.
var ErrTimeout = python.ErrTimeout

// Result is the value that a script assigned to result.
type Result struct{ raw json.RawMessage }

// Decode stores the result in the value that v points to, and fails the test if it does
// not fit.
func (r Result) Decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.raw, v); err != nil {
		t.Fatalf("oracle: the result does not fit a %s: %v\nresult: %.500s", reflect.TypeOf(v).Elem(), err, r.raw)
	}
}

// Run runs a script in graph mode and fails the test if it raises.
func Run(t testing.TB, script string, args ...any) Result {
	t.Helper()
	return must(t, python.Script{Text: script, Args: args})
}

// RunEager is [Run] with eager execution, the default of Python TensorFlow 2.
func RunEager(t testing.TB, script string, args ...any) Result {
	t.Helper()
	return must(t, python.Script{Text: script, Args: args, Eager: true})
}

// Value is [Run] with the result decoded.
func Value[T any](t testing.TB, script string, args ...any) T {
	t.Helper()
	var v T
	Run(t, script, args...).Decode(t, &v)
	return v
}

// CallEager runs a function of the Python file testdata/module.py, as RunEager runs a script,
// and returns its result.
func CallEager[T any](t testing.TB, module, function string, args ...any) T {
	t.Helper()
	folder, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var v T
	RunEager(t, python.CallFunction(folder, module, function), args...).Decode(t, &v)
	return v
}

// Try runs a script in graph mode and returns an exception as an *Error.
func Try(t testing.TB, script string, args ...any) (Result, error) {
	t.Helper()
	return ask(t, python.Script{Text: script, Args: args})
}

// TryFor is [Try] with another time limit than two minutes, for scripts that train for
// long.
func TryFor(t testing.TB, limit time.Duration, script string, args ...any) (Result, error) {
	t.Helper()
	return ask(t, python.Script{Text: script, Args: args, Limit: limit})
}

func must(t testing.TB, s python.Script) Result {
	t.Helper()
	result, err := ask(t, s)
	if err != nil {
		var raised *Error
		if errors.As(err, &raised) {
			t.Fatalf("%v\n%s", err, raised.Traceback)
		}
		t.Fatal(err)
	}
	return result
}

// shared is the test binary's process, nil before the first script. Nothing closes it: it
// ends with the binary.
var shared struct {
	sync.Mutex
	*python.Process
}

// ask starts the process if needed and runs a script. Parallel tests wait for each other,
// because the process has one thread.
func ask(t testing.TB, s python.Script) (Result, error) {
	t.Helper()
	interpreter := Python(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.Process == nil || shared.Ended() {
		process, err := python.Start(interpreter)
		if err != nil {
			return Result{}, fmt.Errorf("%w; \"make setup\" installs what it needs", err)
		}
		shared.Process = process
	}
	raw, err := shared.Process.Run(s)
	return Result{raw: raw}, err
}

// Python returns the path of the interpreter that has TensorFlow, for tests that start a
// Python process of their own. If it is missing, Python skips the test, or fails it if
// TFKEEP_REQUIRE_ORACLE=1 is set.
func Python(t testing.TB) string {
	t.Helper()
	path, err := findPython()
	if err == nil {
		return path
	}
	if os.Getenv("TFKEEP_REQUIRE_ORACLE") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

func findPython() (string, error) {
	path := os.Getenv("TFKEEP_PYTHON")
	if path == "" {
		root, err := repositoryRoot()
		if err != nil {
			return "", err
		}
		path = filepath.Join(root, ".venv", "bin", "python")
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find Python: %s is missing: run \"make setup\", or set TFKEEP_PYTHON to one that has TensorFlow", path)
	}
	return path, nil
}

// repositoryRoot looks for go.mod in the working directory, which "go test" sets to the
// package's, and above it.
func repositoryRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find Python: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find Python: no go.mod in %s and above", start)
		}
	}
}
