package syscalls

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// call describes the arguments of a system call. An argument is counted from 0; -1 means that
// the call has none.
type call struct {
	name string
	// folder is the argument with the descriptor of the folder that path starts at.
	folder, path int
	// fd is the argument with the descriptor of the file that the call changes.
	fd int
	// flags is the argument with the flags of an open call, which say whether it changes
	// something.
	flags int
	// space is set if the call can need space on the disk.
	space bool
}

// calls has the calls at which the process stops.
var calls = map[uint64]call{
	unix.SYS_OPEN:            {"open", -1, 0, -1, 1, true},
	unix.SYS_CREAT:           {"creat", -1, 0, -1, -1, true},
	unix.SYS_OPENAT:          {"openat", 0, 1, -1, 2, true},
	unix.SYS_OPENAT2:         {"openat2", 0, 1, -1, -1, true},
	unix.SYS_WRITE:           {"write", -1, -1, 0, -1, true},
	unix.SYS_PWRITE64:        {"pwrite64", -1, -1, 0, -1, true},
	unix.SYS_WRITEV:          {"writev", -1, -1, 0, -1, true},
	unix.SYS_PWRITEV:         {"pwritev", -1, -1, 0, -1, true},
	unix.SYS_PWRITEV2:        {"pwritev2", -1, -1, 0, -1, true},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", -1, -1, 2, -1, true},
	unix.SYS_SENDFILE:        {"sendfile", -1, -1, 0, -1, true},
	unix.SYS_SPLICE:          {"splice", -1, -1, 2, -1, true},
	unix.SYS_FALLOCATE:       {"fallocate", -1, -1, 0, -1, true},
	unix.SYS_TRUNCATE:        {"truncate", -1, 0, -1, -1, true},
	unix.SYS_FTRUNCATE:       {"ftruncate", -1, -1, 0, -1, true},
	unix.SYS_FSYNC:           {"fsync", -1, -1, 0, -1, true},
	unix.SYS_FDATASYNC:       {"fdatasync", -1, -1, 0, -1, true},
	unix.SYS_SYNC_FILE_RANGE: {"sync_file_range", -1, -1, 0, -1, true},
	unix.SYS_MKDIR:           {"mkdir", -1, 0, -1, -1, true},
	unix.SYS_MKDIRAT:         {"mkdirat", 0, 1, -1, -1, true},
	unix.SYS_MKNOD:           {"mknod", -1, 0, -1, -1, true},
	unix.SYS_MKNODAT:         {"mknodat", 0, 1, -1, -1, true},
	unix.SYS_RMDIR:           {"rmdir", -1, 0, -1, -1, false},
	unix.SYS_UNLINK:          {"unlink", -1, 0, -1, -1, false},
	unix.SYS_UNLINKAT:        {"unlinkat", 0, 1, -1, -1, false},
	unix.SYS_RENAME:          {"rename", -1, 0, -1, -1, true},
	unix.SYS_RENAMEAT:        {"renameat", 0, 1, -1, -1, true},
	unix.SYS_RENAMEAT2:       {"renameat2", 0, 1, -1, -1, true},
	unix.SYS_LINK:            {"link", -1, 1, -1, -1, true},
	unix.SYS_LINKAT:          {"linkat", 2, 3, -1, -1, true},
	unix.SYS_SYMLINK:         {"symlink", -1, 1, -1, -1, true},
	unix.SYS_SYMLINKAT:       {"symlinkat", 1, 2, -1, -1, true},
	unix.SYS_CHMOD:           {"chmod", -1, 0, -1, -1, false},
	unix.SYS_FCHMOD:          {"fchmod", -1, -1, 0, -1, false},
	unix.SYS_FCHMODAT:        {"fchmodat", 0, 1, -1, -1, false},
	unix.SYS_CHOWN:           {"chown", -1, 0, -1, -1, false},
	unix.SYS_FCHOWN:          {"fchown", -1, -1, 0, -1, false},
	unix.SYS_FCHOWNAT:        {"fchownat", 0, 1, -1, -1, false},
	unix.SYS_SOCKET:          {"socket", -1, -1, -1, -1, false},
	unix.SYS_CONNECT:         {"connect", -1, -1, -1, -1, false},
	unix.SYS_BIND:            {"bind", -1, -1, -1, -1, false},
	unix.SYS_LISTEN:          {"listen", -1, -1, -1, -1, false},
	unix.SYS_EXECVE:          {"execve", -1, 0, -1, -1, false},
	unix.SYS_EXECVEAT:        {"execveat", 0, 1, -1, -1, false},
	unix.SYS_FORK:            {"fork", -1, -1, -1, -1, false},
	unix.SYS_VFORK:           {"vfork", -1, -1, -1, -1, false},
}

// changing are the flags of an open call that can change a file. A file that is opened for
// writing alone is not changed yet, but the open can fail with EIO and ENOSPC.
const changing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC

// describe returns the call that a thread is about to make.
func describe(thread int, regs *syscall.PtraceRegs) (Call, bool) {
	c, known := calls[regs.Orig_rax]
	if !known {
		return Call{}, false
	}
	out := Call{Name: c.name, Space: c.space, Change: c.flags < 0 || argument(regs, c.flags)&changing != 0}
	switch {
	case c.fd >= 0:
		out.Path, out.Open = descriptor(thread, int32(argument(regs, c.fd))), true
	case c.path >= 0:
		out.Path = readString(thread, uintptr(argument(regs, c.path)))
		if !filepath.IsAbs(out.Path) {
			base := int32(unix.AT_FDCWD)
			if c.folder >= 0 {
				base = int32(argument(regs, c.folder))
			}
			out.Path = filepath.Join(descriptor(thread, base), out.Path)
		}
	default:
		return out, true
	}
	out.Path = filepath.Clean(out.Path)
	return out, true
}

func argument(regs *syscall.PtraceRegs, n int) uint64 {
	return [...]uint64{regs.Rdi, regs.Rsi, regs.Rdx, regs.R10, regs.R8, regs.R9}[n]
}

// descriptor returns the path of a file descriptor of a process, or of its working folder.
func descriptor(process int, fd int32) string {
	link := "/proc/" + strconv.Itoa(process)
	if fd == unix.AT_FDCWD {
		link += "/cwd"
	} else {
		link += "/fd/" + strconv.Itoa(int(fd))
	}
	path, err := os.Readlink(link)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// readString reads a string that ends with a zero byte from the memory of a stopped thread.
func readString(thread int, at uintptr) string {
	var text []byte
	chunk := make([]byte, 64)
	for len(text) < unix.PathMax {
		n, err := syscall.PtracePeekData(thread, at, chunk)
		if err != nil || n == 0 {
			break
		}
		for i, b := range chunk[:n] {
			if b == 0 {
				return string(append(text, chunk[:i]...))
			}
		}
		text = append(text, chunk[:n]...)
		at += uintptr(n)
	}
	return string(text)
}
