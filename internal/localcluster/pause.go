package localcluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// stopped waits until a process that got SIGSTOP has stopped, all its threads: on
// a busy machine some run on for a while, and would answer a request. Where there
// is no /proc it waits for nothing.
func (m *member) stopped() error {
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
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
	return errors.New("localcluster: the process does not stop")
}
