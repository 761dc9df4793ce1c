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

	"github.com/tfkeep/tfkeep/internal/python"
)

// Error is an exception that a script raised.
type Error = python.Error

// ErrTimeout is the kind of error for a script that ran past its time. The next
// script gets a new process.
var ErrTimeout = python.ErrTimeout

// Result is what a script assigned to result.
type Result struct{ raw json.RawMessage }

// Decode stores the result in the value that v points to and fails the test
// where they don't match.
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

// RunEager is Run with eager execution on, as Python TensorFlow 2 starts.
func RunEager(t testing.TB, script string, args ...any) Result {
	t.Helper()
	return must(t, python.Script{Text: script, Args: args, Eager: true})
}

// Value is Run, decoded.
func Value[T any](t testing.TB, script string, args ...any) T {
	t.Helper()
	var v T
	Run(t, script, args...).Decode(t, &v)
	return v
}

// Try runs a script in graph mode; an exception comes back as an *Error.
func Try(t testing.TB, script string, args ...any) (Result, error) {
	t.Helper()
	return ask(t, python.Script{Text: script, Args: args})
}

// TryFor is Try with a limit of its own instead of two minutes, for scripts that
// train for long.
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

// shared is the test binary's one process, nil before it starts and after it died.
// Nothing closes it: it ends with the binary.
var shared struct {
	sync.Mutex
	*python.Process
}

// ask starts the process where needed. Parallel tests take turns, for the server
// has one thread.
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

// Python gives the interpreter with TensorFlow, for tests that run a Python
// process of their own. Without one it skips the test, or fails it under
// TFKEEP_REQUIRE_ORACLE=1.
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
		return "", fmt.Errorf("oracle: no Python at %s: run \"make setup\", or set TFKEEP_PYTHON to one that has TensorFlow", path)
	}
	return path, nil
}

// repositoryRoot walks up from the working directory, which under "go test" is
// the package's.
func repositoryRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("oracle: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("oracle: no go.mod above %s", start)
		}
	}
}
