package syswatch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Call is a system call that the process is about to make.
type Call struct {
	Name  string
	Path  string // of a file, if the call has one
	Write bool   // it changes something, or opens a file in order to
}

func (c Call) String() string { return strings.TrimSpace(c.Name + " " + c.Path) }

// watched has the calls that are seen, and which argument has the path, -1 for none.
var watched = map[uintptr]struct {
	name  string
	path  int
	write bool
}{
	unix.SYS_OPEN: {"open", 0, false}, unix.SYS_OPENAT: {"openat", 1, false}, unix.SYS_OPENAT2: {"openat2", 1, false},
	unix.SYS_CREAT: {"creat", 0, true}, unix.SYS_TRUNCATE: {"truncate", 0, true},
	unix.SYS_UNLINK: {"unlink", 0, true}, unix.SYS_UNLINKAT: {"unlinkat", 1, true}, unix.SYS_RMDIR: {"rmdir", 0, true},
	unix.SYS_RENAME: {"rename", 0, true}, unix.SYS_RENAMEAT: {"renameat", 1, true}, unix.SYS_RENAMEAT2: {"renameat2", 1, true},
	unix.SYS_MKDIR: {"mkdir", 0, true}, unix.SYS_MKDIRAT: {"mkdirat", 1, true}, unix.SYS_MKNOD: {"mknod", 0, true}, unix.SYS_MKNODAT: {"mknodat", 1, true},
	unix.SYS_LINK: {"link", 1, true}, unix.SYS_LINKAT: {"linkat", 3, true}, unix.SYS_SYMLINK: {"symlink", 1, true}, unix.SYS_SYMLINKAT: {"symlinkat", 2, true},
	unix.SYS_CHMOD: {"chmod", 0, true}, unix.SYS_CHOWN: {"chown", 0, true}, unix.SYS_FCHMODAT: {"fchmodat", 1, true}, unix.SYS_FCHOWNAT: {"fchownat", 1, true},
	unix.SYS_SOCKET: {"socket", -1, true}, unix.SYS_CONNECT: {"connect", -1, true}, unix.SYS_BIND: {"bind", -1, true}, unix.SYS_LISTEN: {"listen", -1, true},
	unix.SYS_EXECVE: {"execve", 0, true}, unix.SYS_EXECVEAT: {"execveat", 1, true}, unix.SYS_FORK: {"fork", -1, true}, unix.SYS_VFORK: {"vfork", -1, true},
}

// Install makes the calls of this process visible to the process that started it with
// Run. It holds for all threads, and cannot be undone.
func Install() error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the number of the call
	for nr := range watched {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(nr)},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRACE})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))) //nolint:gosec // the kernel reads it
	if errno != 0 {
		return fmt.Errorf("install the filter: %w", errno)
	}
	return nil
}

// Run starts a process, waits for its end, and calls see for each watched call, also of the
// threads that it starts. cmd needs files as its standard streams, or none.
func Run(cmd *exec.Cmd, see func(Call)) (syscall.WaitStatus, error) {
	runtime.LockOSThread() // one thread traces the process
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start a traced process: %w", err)
	}
	pid := cmd.Process.Pid
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return 0, err
	}
	const options = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(pid, options); err != nil {
		return 0, errors.Join(err, cmd.Process.Kill())
	}
	if err := syscall.PtraceCont(pid, 0); err != nil {
		return 0, err
	}
	known := map[int]bool{pid: true}
	for {
		id, err := syscall.Wait4(-pid, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait for a traced process: %w", err)
		case status.Exited() || status.Signaled():
			if id == pid {
				return status, nil
			}
			continue
		}
		signal := 0
		switch cause := status.TrapCause(); {
		case status.StopSignal() != syscall.SIGTRAP:
			if signal = int(status.StopSignal()); !known[id] && signal == int(syscall.SIGSTOP) {
				signal = 0 // a new thread begins stopped
			}
		case cause == unix.PTRACE_EVENT_SECCOMP:
			if c, ok := read(id); ok {
				see(c)
			}
		case cause <= 0:
			signal = int(syscall.SIGTRAP)
		}
		known[id] = true
		_ = syscall.PtraceCont(id, signal) // it fails for a process that was killed
	}
}

// read reads the call that a stopped thread is about to make.
func read(id int) (Call, bool) {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(id, &regs); err != nil {
		return Call{}, false
	}
	w, ok := watched[uintptr(regs.Orig_rax)]
	if !ok {
		return Call{}, false
	}
	args := []uint64{regs.Rdi, regs.Rsi, regs.Rdx, regs.R10}
	c := Call{Name: w.name, Write: w.write}
	if w.path >= 0 {
		c.Path = readString(id, uintptr(args[w.path]))
	}
	flags := uint64(0)
	switch regs.Orig_rax {
	case unix.SYS_OPEN:
		flags = regs.Rsi
	case unix.SYS_OPENAT:
		flags = regs.Rdx
		if dir := int32(regs.Rdi); dir != unix.AT_FDCWD && !strings.HasPrefix(c.Path, "/") {
			if base, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", id, dir)); err == nil {
				c.Path = base + "/" + c.Path
			}
		}
	}
	c.Write = c.Write || flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC) != 0
	return c, true
}

// readString reads a string of the process that ends in a zero byte.
func readString(id int, at uintptr) string {
	var s []byte
	buf := make([]byte, 256)
	for len(s) < unix.PathMax {
		n, err := syscall.PtracePeekData(id, at+uintptr(len(s)), buf)
		if end := bytes.IndexByte(buf[:n], 0); end >= 0 {
			return string(append(s, buf[:end]...))
		}
		s = append(s, buf[:n]...)
		if err != nil || n == 0 {
			break
		}
	}
	return string(s)
}
