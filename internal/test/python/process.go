package python

import (
	"bufio"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

//go:embed server.py
var server string

// startTimeout is generous: the first import of TensorFlow from a cold disk, while the
// tests of other packages run, has taken a minute.
const startTimeout = 3 * time.Minute

// ErrTimeout is the kind of the error for a script that exceeded its time limit. Its
// process has ended.
var ErrTimeout = errors.New("the script exceeded its time limit")

// Error is an exception that a script raised.
type Error struct {
	Type      string `json:"type"`      // the class: "NotFoundError", "ValueError"
	Message   string `json:"message"`   // str(exception)
	Traceback string `json:"traceback"` // as Python prints it
}

func (e *Error) Error() string { return fmt.Sprintf("run Python: %s: %s", e.Type, e.Message) }

// Script is a script and its arguments.
type Script struct {
	Text  string
	Args  []any         // numbers, strings, lists, maps; []byte arrives as bytes
	Eager bool          // run with eager execution instead of in a graph of its own
	Limit time.Duration // the time limit; 0 means two minutes
}

// Process is a Python process that has loaded TensorFlow. It ends when it is closed or
// when the program that started it ends. It runs one script at a time; concurrent calls
// wait.
type Process struct {
	mu      sync.Mutex
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers chan answer
	stderr  tail
	lastID  int
	ended   error
}

// Start starts the interpreter and waits until TensorFlow is loaded.
func Start(interpreter string) (*Process, error) {
	cmd := exec.Command(interpreter, "-c", server)
	cmd.Env = append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=3", "CUDA_VISIBLE_DEVICES=-1", "PYTHONDONTWRITEBYTECODE=1")
	cmd.WaitDelay = time.Second // a child process may hold its pipes open
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start Python: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start Python: %w", err)
	}
	p := &Process{cmd: cmd, stdin: stdin, answers: make(chan answer, 1)}
	cmd.Stderr = &p.stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Python %s: %w", interpreter, err)
	}
	go decode(stdout, p.answers)
	if _, err := p.wait(startTimeout); err != nil {
		return nil, fmt.Errorf("start Python %s: load TensorFlow: %w", interpreter, err)
	}
	return p, nil
}

// Run runs a script and returns the JSON of the value that it assigned to result. An
// exception is an *Error. After any other error the process has ended.
func (p *Process) Run(s Script) (json.RawMessage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		return nil, p.ended
	}
	p.lastID++
	line, err := json.Marshal(request{ID: p.lastID, Script: s.Text, Args: markBytes(s.Args), Eager: s.Eager})
	if err != nil {
		return nil, &Error{Type: "ArgumentError", Message: "an argument does not fit JSON: " + err.Error()}
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		return nil, p.died()
	}
	if s.Limit == 0 {
		s.Limit = 2 * time.Minute
	}
	a, err := p.wait(s.Limit)
	if err != nil {
		return nil, err
	}
	if a.ID != p.lastID {
		return nil, p.end(fmt.Errorf("run Python: answer %d to request %d", a.ID, p.lastID))
	}
	if a.Error != nil {
		return nil, a.Error
	}
	return a.Result, nil
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended != nil
}

// Close ends the process, even while it runs a script.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended == nil {
		_ = p.end(errors.New("run Python: the process is closed"))
	}
	return nil
}

type request struct {
	ID     int    `json:"id"`
	Script string `json:"script"`
	Args   []any  `json:"args"`
	Eager  bool   `json:"eager"`
}

type answer struct {
	Ready  string          `json:"ready"`
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *Error          `json:"error"`
}

// decode closes answers when the process ends or prints anything but JSON.
func decode(stdout io.Reader, answers chan<- answer) {
	defer close(answers)
	dec := json.NewDecoder(bufio.NewReader(stdout))
	for {
		var a answer
		if dec.Decode(&a) != nil {
			return
		}
		answers <- a
	}
}

func (p *Process) wait(limit time.Duration) (answer, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case a, ok := <-p.answers:
		if !ok {
			return answer{}, p.died()
		}
		return a, nil
	case <-timer.C:
		return answer{}, p.end(fmt.Errorf("%w (%s)", ErrTimeout, limit))
	}
}

// died returns the error for a process that has ended, with the end of its output.
func (p *Process) died() error {
	p.stdin.Close()
	// Its pipes are closed, so it is ending. Kill it in case it closed only the pipes.
	time.AfterFunc(time.Second, func() { _ = p.cmd.Process.Kill() })
	status := p.cmd.Wait()
	p.ended = fmt.Errorf("run Python: the process ended: %w\n%s", status, p.stderr.String())
	return p.ended
}

func (p *Process) end(why error) error {
	p.stdin.Close()
	_ = p.cmd.Process.Kill() // an error means that it has ended already
	_ = p.cmd.Wait()         // "signal: killed"; why has the reason
	p.ended = why
	return why
}

// markBytes wraps []byte arguments so that the script gets bytes and not the base64 text
// of encoding/json.
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

// tail keeps the last bytes that are written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if extra := len(t.buf) - tailBytes; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
