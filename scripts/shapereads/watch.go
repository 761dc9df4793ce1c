//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watcher has files, one for each input of a node, and knows which were opened.
type watcher struct {
	dir string
	fd  int
}

// maxInputs is the number of inputs of a node that are measured.
const maxInputs = 24

func newWatcher() (*watcher, error) {
	dir, err := os.MkdirTemp("", "shapereads-")
	if err != nil {
		return nil, err
	}
	w := &watcher{dir: dir}
	for i := range maxInputs {
		// One as an int32.
		if err := os.WriteFile(w.file(i), []byte{1, 0, 0, 0}, 0o600); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	if w.fd, err = unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC); err == nil {
		_, err = unix.InotifyAddWatch(w.fd, dir, unix.IN_OPEN)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return w, nil
}

func (w *watcher) file(input int) string { return filepath.Join(w.dir, strconv.Itoa(input)) }

// opened returns the inputs whose files were opened since the last call.
func (w *watcher) opened() map[int]bool {
	inputs := map[int]bool{}
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(w.fd, buf)
		if n <= 0 || err != nil {
			return inputs
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			event := (*unix.InotifyEvent)(unsafe.Pointer(&buf[at])) //nolint:gosec // the layout of the kernel
			name := buf[at+unix.SizeofInotifyEvent : at+unix.SizeofInotifyEvent+int(event.Len)]
			if i, err := strconv.Atoi(cString(name)); err == nil {
				inputs[i] = true
			}
			at += unix.SizeofInotifyEvent + int(event.Len)
		}
	}
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

func (w *watcher) close() {
	_ = unix.Close(w.fd)
	_ = os.RemoveAll(w.dir)
}
