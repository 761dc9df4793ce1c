package syscalls

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Run runs a program and applies the fault, if it is not nil. The error says that tracing
// was not possible; what became of the program is in the result.
func Run(ctx context.Context, p Program, f *Fault) (*Result, error) {
	if p.Limit == 0 {
		p.Limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	stdout, err := os.CreateTemp("", "syscalls")
	if err != nil {
		return nil, err
	}
	defer remove(stdout)
	stderr, err := os.CreateTemp("", "syscalls")
	if err != nil {
		return nil, err
	}
	defer remove(stderr)

	cmd := exec.Command(self, p.Args...)
	cmd.Env = append(append(os.Environ(), p.Env...), launcher+"=1")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	r := &Result{}
	status, err := trace(ctx, cmd, func(c Call) action {
		if !c.Change || c.Path != p.Folder && !strings.HasPrefix(c.Path, p.Folder+string(filepath.Separator)) {
			return action{}
		}
		r.Calls = append(r.Calls, c)
		return r.next(c, f)
	})
	if err != nil {
		return nil, err
	}
	r.Code, r.TimedOut = status.ExitStatus(), ctx.Err() != nil
	r.Killed = r.Killed && !r.TimedOut
	r.Stdout, r.Stderr = content(stdout), content(stderr)
	return r, nil
}

// next applies the fault if it is the last call's turn.
func (r *Result) next(c Call, f *Fault) action {
	n := len(r.Calls)
	if f == nil || n < f.At || n > f.At && f.Kind != NoSpaceFrom {
		return action{}
	}
	switch {
	case f.Kind == Kill:
		r.Killed = true
		return action{kill: true}
	case f.Kind == IOError:
		return action{fail: syscall.EIO}
	case c.Space:
		return action{fail: syscall.ENOSPC}
	}
	return action{}
}

func remove(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

func content(f *os.File) string {
	b, err := os.ReadFile(f.Name())
	if err != nil {
		return err.Error()
	}
	return string(b)
}
