package oracle

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// DefaultTimeout bounds one script where Try and its like are given no other.
const DefaultTimeout = 2 * time.Minute

// Error is an exception that a script raised.
type Error struct {
	Type      string `json:"type"`      // the class: "NotFoundError", "ValueError"
	Message   string `json:"message"`   // str(exception)
	Traceback string `json:"traceback"` // as Python prints it
}

func (e *Error) Error() string { return fmt.Sprintf("oracle: Python raised %s: %s", e.Type, e.Message) }

// ErrTimeout is the kind of error for a script that ran past its time. The
// process is ended with it; the next script gets a new one.
var ErrTimeout = errors.New("oracle: the script ran past its time")

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
	return must(t, request{Script: script, Args: args})
}

// RunEager is Run with eager execution on, as Python TensorFlow 2 starts.
func RunEager(t testing.TB, script string, args ...any) Result {
	t.Helper()
	return must(t, request{Script: script, Args: args, Eager: true})
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
	return ask(t, request{Script: script, Args: args}, DefaultTimeout)
}

// TryFor is Try with a limit of its own, for scripts that train for long.
func TryFor(t testing.TB, limit time.Duration, script string, args ...any) (Result, error) {
	t.Helper()
	return ask(t, request{Script: script, Args: args}, limit)
}

func must(t testing.TB, r request) Result {
	t.Helper()
	result, err := ask(t, r, DefaultTimeout)
	if err != nil {
		var raised *Error
		if errors.As(err, &raised) {
			t.Fatalf("%v\n%s", err, raised.Traceback)
		}
		t.Fatal(err)
	}
	return result
}

// ask starts the process where needed. Its lock makes parallel tests take turns,
// for TensorFlow's default graph is one per thread and the server has one thread.
func ask(t testing.TB, r request, limit time.Duration) (Result, error) {
	t.Helper()
	python := Python(t)
	r.Args = markBytes(r.Args)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return shared.ask(python, r, limit)
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

// markBytes wraps []byte arguments so that they arrive as bytes and not as the
// base64 text that encoding/json makes of them.
func markBytes(args []any) []any {
	marked := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case []byte:
			marked[i] = bytesArg(v)
		case [][]byte:
			list := make([]any, len(v))
			for j, b := range v {
				list[j] = bytesArg(b)
			}
			marked[i] = list
		case map[string][]byte:
			m := make(map[string]any, len(v))
			for key, b := range v {
				m[key] = bytesArg(b)
			}
			marked[i] = m
		default:
			marked[i] = arg
		}
	}
	return marked
}

func bytesArg(b []byte) map[string]string {
	return map[string]string{"__bytes__": base64.StdEncoding.EncodeToString(b)}
}
