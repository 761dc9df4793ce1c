package localcluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// waitStopped waits until all threads of a process have stopped that got SIGSTOP: on a
// busy machine some threads run for a while longer, and would answer a request. It does
// not wait if there is no /proc.
func (m *member) waitStopped() error {
	const limit = 10 * time.Second
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", m.cmd.Process.Pid))
		if err != nil {
			return err
		}
		running := false
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			// The state comes after the name, which is in parentheses.
			if after := stat[bytes.LastIndexByte(stat, ')')+1:]; err == nil && !bytes.HasPrefix(after, []byte(" T")) {
				running = true
			}
		}
		if !running {
			return nil
		}
	}
	return errors.New("the process does not stop")
}
