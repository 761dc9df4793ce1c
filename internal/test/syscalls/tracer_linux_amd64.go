package syscalls

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// action is what happens at a call.
type action struct {
	// fail is the error of the call, which is not made; 0 makes it.
	fail syscall.Errno
	// kill ends the process before the call.
	kill bool
}

// Watch starts a process, waits for its end, and calls see for each call of the table that
// names a file, uses a socket or starts a program, in any thread. Calls on files that are
// open were seen when these were opened. The process must use Install; cmd needs files as its
// standard streams, or none. The end of ctx kills it.
func Watch(ctx context.Context, cmd *exec.Cmd, see func(Call)) (syscall.WaitStatus, error) {
	return trace(ctx, cmd, func(c Call) action {
		if !c.Open {
			see(c)
		}
		return action{}
	})
}

// trace starts a process, follows all its threads, asks what to do at each call, and returns
// how the process ended.
func trace(ctx context.Context, cmd *exec.Cmd, decide func(Call) action) (syscall.WaitStatus, error) {
	// ptrace answers only the thread that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start a traced process: %w", err)
	}
	defer func() { _ = cmd.Process.Release() }()
	t := &tracer{process: cmd.Process.Pid, decide: decide}
	defer context.AfterFunc(ctx, func() { _ = syscall.Kill(t.process, syscall.SIGKILL) })()
	status, err := t.follow()
	if err != nil {
		_ = syscall.Kill(t.process, syscall.SIGKILL)
		return 0, fmt.Errorf("trace %s: %w", cmd.Path, err)
	}
	return syscall.WaitStatus(status), nil
}

// tracer follows all threads of one process.
type tracer struct {
	process int
	decide  func(Call) action
}

func (t *tracer) follow() (status unix.WaitStatus, err error) {
	if _, err := unix.Wait4(t.process, &status, unix.WALL, nil); err != nil {
		return 0, err
	}
	const options = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
		unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(t.process, options); err != nil {
		return 0, err
	}
	thread, signal := t.process, 0
	for {
		// A thread that a kill has ended cannot be continued; its end is reported below.
		if err := ignoreGone(syscall.PtraceCont(thread, signal)); err != nil {
			return 0, err
		}
		for {
			thread, err = unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return 0, err
			}
			if !status.Exited() && !status.Signaled() {
				break
			}
			if thread == t.process {
				return status, nil
			}
		}
		if signal, err = t.stopped(thread, status); err != nil {
			return 0, err
		}
	}
}

// stopped handles one stop of a thread and returns the signal to continue with.
func (t *tracer) stopped(thread int, status unix.WaitStatus) (int, error) {
	switch signal := status.StopSignal(); {
	case signal == unix.SIGSTOP:
		return 0, nil // a new thread begins with one
	case signal != unix.SIGTRAP || status.TrapCause() == 0:
		return int(signal), nil
	case status.TrapCause() != unix.PTRACE_EVENT_SECCOMP:
		return 0, nil
	}
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(thread, &regs); err != nil {
		return 0, ignoreGone(err)
	}
	c, known := describe(thread, &regs)
	if !known {
		return 0, nil
	}
	a := t.decide(c)
	switch {
	case a.kill:
		return 0, ignoreGone(syscall.Kill(t.process, syscall.SIGKILL))
	case a.fail != 0:
		// A call with number -1 is skipped, and the program sees what the register has.
		regs.Orig_rax = ^uint64(0)
		regs.Rax = -uint64(a.fail)
		return 0, ignoreGone(syscall.PtraceSetRegs(thread, &regs))
	}
	return 0, nil
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
