package oracle

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

//go:embed server.py
var server string

// startTimeout is generous: the first import of TensorFlow on a cold disk, with
// the other packages' tests running beside it, has been seen to take a minute.
const startTimeout = 3 * time.Minute

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

// shared is the test binary's one process. Nothing ends it: its standard input
// closes with the binary, and the server leaves on that.
var shared process

type process struct {
	mu      sync.Mutex
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers chan answer
	stderr  *tail
	lastID  int
}

func (p *process) ask(python string, r request, limit time.Duration) (Result, error) {
	if p.cmd == nil {
		if err := p.start(python); err != nil {
			return Result{}, err
		}
	}
	p.lastID++
	r.ID = p.lastID
	line, err := json.Marshal(r)
	if err != nil {
		return Result{}, fmt.Errorf("oracle: an argument does not fit JSON: %w", err)
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		return Result{}, p.died()
	}
	a, err := p.wait(limit)
	if err != nil {
		return Result{}, err
	}
	if a.ID != r.ID {
		p.stop()
		return Result{}, fmt.Errorf("oracle: answer %d to question %d", a.ID, r.ID)
	}
	if a.Error != nil {
		return Result{}, a.Error
	}
	return Result{raw: a.Result}, nil
}

func (p *process) start(python string) error {
	cmd := exec.Command(python, "-c", server)
	cmd.Env = append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=3", "CUDA_VISIBLE_DEVICES=-1", "PYTHONDONTWRITEBYTECODE=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("oracle: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("oracle: %w", err)
	}
	p.stderr = new(tail)
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("oracle: starting %s: %w", python, err)
	}
	p.cmd, p.stdin, p.answers = cmd, stdin, make(chan answer, 1)
	go decode(stdout, p.answers)
	if _, err := p.wait(startTimeout); err != nil {
		return fmt.Errorf("%w (while starting; \"make setup\" installs what it needs)", err)
	}
	return nil
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

func (p *process) wait(limit time.Duration) (answer, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case a, ok := <-p.answers:
		if !ok {
			return answer{}, p.died()
		}
		return a, nil
	case <-timer.C:
		p.stop()
		return answer{}, fmt.Errorf("%w (%s)", ErrTimeout, limit)
	}
}

// died reports the end of the process with the last that it said.
func (p *process) died() error {
	err := p.stop()
	return fmt.Errorf("oracle: the Python process ended: %v\n%s", err, p.stderr)
}

func (p *process) stop() error {
	p.stdin.Close()
	p.cmd.Process.Kill() // an error here means that it has ended already
	err := p.cmd.Wait()
	p.cmd = nil
	return err
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
