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

// startTimeout is generous: the first import of TensorFlow from a cold disk, with
// other packages' tests running beside it, has been seen to take a minute.
const startTimeout = 3 * time.Minute

// ErrTimeout is the kind of error for a script that ran past its time. Its process
// is ended.
var ErrTimeout = errors.New("python: the script ran past its time")

// Error is an exception that a script raised.
type Error struct {
	Type      string `json:"type"`      // the class: "NotFoundError", "ValueError"
	Message   string `json:"message"`   // str(exception)
	Traceback string `json:"traceback"` // as Python prints it
}

func (e *Error) Error() string { return fmt.Sprintf("python: %s: %s", e.Type, e.Message) }

// Script is one snippet with what it needs.
type Script struct {
	Text  string
	Args  []any         // numbers, strings, lists, maps; []byte arrives as bytes
	Eager bool          // with eager execution, instead of in a graph of its own
	Limit time.Duration // 0 means two minutes
}

// Process is a Python with TensorFlow loaded. It ends by Close, or when the program
// that started it ends. One script runs at a time; callers take turns.
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
	cmd.WaitDelay = time.Second // a child of its own may hold its pipes open
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	p := &Process{cmd: cmd, stdin: stdin, answers: make(chan answer, 1)}
	cmd.Stderr = &p.stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("python: starting %s: %w", interpreter, err)
	}
	go decode(stdout, p.answers)
	if _, err := p.wait(startTimeout); err != nil {
		return nil, fmt.Errorf("%w (while %s loaded TensorFlow)", err, interpreter)
	}
	return p, nil
}

// Run runs a script and gives the JSON of what it assigned to result. An exception
// is an *Error; after any other error the process has ended.
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
		return nil, p.end(fmt.Errorf("python: answer %d to question %d", a.ID, p.lastID))
	}
	if a.Error != nil {
		return nil, a.Error
	}
	return a.Result, nil
}

// Ended is true when the process is gone, by Close or by itself.
func (p *Process) Ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended != nil
}

// Close ends the process, even in mid-script.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended == nil {
		p.end(errors.New("python: the process is closed"))
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

// decode closes answers when the process ends or says something else than JSON.
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

// died reports the end of the process with the last that it said.
func (p *Process) died() error {
	p.stdin.Close()
	// The pipes broke, so it is ending; the kill is for one that only closed them.
	time.AfterFunc(time.Second, func() { _ = p.cmd.Process.Kill() })
	status := p.cmd.Wait()
	p.ended = fmt.Errorf("python: the process ended: %v\n%s", status, p.stderr.String())
	return p.ended
}

func (p *Process) end(why error) error {
	p.stdin.Close()
	_ = p.cmd.Process.Kill() // an error means that it has ended already
	_ = p.cmd.Wait()         // "signal: killed", which is why's doing
	p.ended = why
	return why
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

// tail keeps the end of what is written to it.
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
