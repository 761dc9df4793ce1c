package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Run runs a program and applies the fault, if it is not nil. The error says that tracing
// was not possible; what became of the program is in the result.
func Run(ctx context.Context, p Program, f *Fault) (*Result, error) {
	if p.Limit == 0 {
		p.Limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	type outcome struct {
		r   *Result
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		// ptrace answers only the thread that started the process. The thread ends with
		// the goroutine, because it stays locked.
		runtime.LockOSThread()
		r, err := run(ctx, p, f)
		done <- outcome{r, err}
	}()
	o := <-done
	return o.r, o.err
}

func run(ctx context.Context, p Program, f *Fault) (*Result, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	stdout, err := os.CreateTemp("", "faults")
	if err != nil {
		return nil, err
	}
	defer remove(stdout)
	stderr, err := os.CreateTemp("", "faults")
	if err != nil {
		return nil, err
	}
	defer remove(stderr)

	cmd := exec.Command(self, p.Args...)
	cmd.Env = append(append(os.Environ(), p.Env...), launcher+"=1")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &tracer{process: cmd.Process.Pid, program: p, fault: f}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(t.process, syscall.SIGKILL) })
	err = t.trace()
	if !stop() {
		t.result.TimedOut = true
		t.result.Killed = false
	}
	_ = cmd.Process.Release()
	if err != nil {
		_ = syscall.Kill(t.process, syscall.SIGKILL)
		return nil, fmt.Errorf("trace %s: %w", p.Args[0], err)
	}
	t.result.Stdout, t.result.Stderr = content(stdout), content(stderr)
	return &t.result, nil
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

// tracer follows all threads of one process.
type tracer struct {
	process int
	program Program
	fault   *Fault
	result  Result
}

func (t *tracer) trace() error {
	var status unix.WaitStatus
	if _, err := unix.Wait4(t.process, &status, unix.WALL, nil); err != nil {
		return err
	}
	const options = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
		unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(t.process, options); err != nil {
		return err
	}
	thread, signal := t.process, 0
	for {
		// A thread that a kill has ended cannot be continued; its end is reported below.
		if err := syscall.PtraceCont(thread, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		var err error
		thread, err = unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		if errors.Is(err, unix.EINTR) {
			thread, signal = t.process, 0
			continue
		}
		if err != nil {
			return err
		}
		for status.Exited() || status.Signaled() {
			if thread == t.process {
				t.result.Code = status.ExitStatus()
				return nil
			}
			if thread, err = unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil); err != nil {
				return err
			}
		}
		if signal, err = t.stopped(thread, status); err != nil {
			return err
		}
	}
}

// stopped handles one stop of a thread and returns the signal to continue with.
func (t *tracer) stopped(thread int, status unix.WaitStatus) (int, error) {
	signal := status.StopSignal()
	if signal != unix.SIGTRAP {
		if signal == unix.SIGSTOP {
			return 0, nil // a new thread begins with one
		}
		return int(signal), nil
	}
	if status.TrapCause() != unix.PTRACE_EVENT_SECCOMP {
		return 0, nil
	}
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(thread, &regs); err != nil {
		return 0, ignoreGone(err)
	}
	c, inside := describe(thread, &regs, t.program.Folder)
	if !inside {
		return 0, nil
	}
	t.result.Calls = append(t.result.Calls, c)
	return 0, t.apply(thread, &regs, c)
}

// apply lets the fault happen if it is the call's turn.
func (t *tracer) apply(thread int, regs *syscall.PtraceRegs, c Call) error {
	n := len(t.result.Calls)
	if t.fault == nil || n < t.fault.At || n > t.fault.At && t.fault.Kind != NoSpaceFrom {
		return nil
	}
	var errno syscall.Errno
	switch t.fault.Kind {
	case Kill:
		t.result.Killed = true
		return ignoreGone(syscall.Kill(t.process, syscall.SIGKILL))
	case IOError:
		errno = syscall.EIO
	case NoSpaceOnce, NoSpaceFrom:
		if !c.Space {
			return nil
		}
		errno = syscall.ENOSPC
	}
	// A call with number -1 is skipped, and the program sees what the register has.
	regs.Orig_rax = ^uint64(0)
	regs.Rax = -uint64(errno)
	return ignoreGone(syscall.PtraceSetRegs(thread, regs))
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
