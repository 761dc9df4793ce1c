package supervisor_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
)

// onSmallDisk is the environment variable with the directory in which this test binary
// mounts a small disk and trains on it, and smallDiskCase that with the name of the case.
const (
	onSmallDisk   = "TFKEEP_TEST_SMALL_DISK"
	smallDiskCase = "TFKEEP_TEST_SMALL_DISK_CASE"
)

func init() {
	if folder := os.Getenv(onSmallDisk); folder != "" {
		smallDiskMain(folder, os.Getenv(smallDiskCase))
		os.Exit(0)
	}
}

// smallDiskMain runs in a mount namespace of its own. It prints what is wrong.
func smallDiskMain(folder, name string) {
	mount := func(flags uintptr) bool {
		err := syscall.Mount("none", folder, "tmpfs", flags, "size=4m")
		if err != nil {
			fmt.Println("NOT RUN: no file system can be mounted here:", err)
		}
		return err == nil
	}
	if !mount(0) {
		return
	}
	var err error
	switch name {
	case "read-only":
		if !mount(syscall.MS_REMOUNT | syscall.MS_RDONLY) {
			return
		}
		err = trainOnReadOnlyDisk(folder)
	default:
		err = trainOnSmallDisk(folder, name == "async")
	}
	if err != nil {
		fmt.Println(err)
	}
}

// trainOnReadOnlyDisk begins a training that is to be refused before its first step.
func trainOnReadOnlyDisk(folder string) error {
	m, err := newModel(0, 1, nil)
	if err != nil {
		return err
	}
	defer m.sv.Close()
	err = supervisor.Run(context.Background(), m.g, m.sv, &supervisor.Options{Dir: folder}, func(context.Context, *supervisor.Running) error {
		return errors.New("the body is called")
	})
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "lock "+folder) {
		return fmt.Errorf("not refused: %w", err)
	}
	return nil
}

// trainOnSmallDisk fills the disk, trains until saves have failed three times, makes room,
// and trains until a save succeeds.
func trainOnSmallDisk(folder string, async bool) error {
	m, err := newModel(0, 1<<18, &saver.Options{MaxToKeep: 2}) // 1 MiB
	if err != nil {
		return err
	}
	defer m.sv.Close()
	log := new(events)
	o := &supervisor.Options{Dir: folder, SaveSteps: 2, SaveAsync: async, ContinueOnSaveError: true, OnEvent: log.add}
	other := filepath.Join(folder, "other program's file")
	until := func(ctx context.Context, r *supervisor.Running, kind supervisor.EventKind, n int) error {
		for len(log.of(kind)) < n {
			if err := steps(m, 1)(ctx, r); err != nil {
				return err
			}
		}
		return nil
	}
	return supervisor.Run(context.Background(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		if err := until(ctx, r, supervisor.Saved, 2); err != nil {
			return err
		}
		if err := os.WriteFile(other, make([]byte, 8<<20), 0o644); !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("the disk does not become full: %w", err)
		}
		if err := until(ctx, r, supervisor.SaveFailed, 3); err != nil {
			return err
		}
		for i, e := range log.of(supervisor.SaveFailed) {
			if !errors.Is(e.Err, syscall.ENOSPC) || !strings.Contains(e.Err.Error(), folder) {
				return fmt.Errorf("save %d: %w", i, e.Err)
			}
		}
		// A save that is under way has files of its own. Save waits for its end.
		if _, err := r.Save(ctx); !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("a save on the full disk: %w", err)
		}
		saved, failures := log.of(supervisor.Saved), len(log.of(supervisor.SaveFailed))
		if err := newestIs(ctx, folder, saved[len(saved)-1]); err != nil {
			return fmt.Errorf("while the disk is full: %w", err)
		}
		files, err := filepath.Glob(filepath.Join(folder, "model-*"))
		if err != nil || len(files) > 6 {
			return fmt.Errorf("the failed saves left files: %v, %w", files, err)
		}
		if err := os.Remove(other); err != nil {
			return err
		}
		if err := until(ctx, r, supervisor.Saved, len(saved)+1); err != nil {
			return err
		}
		if failed := len(log.of(supervisor.SaveFailed)); failed > failures {
			return fmt.Errorf("%d saves failed; with room, the next one must succeed: %v", failed, log)
		}
		all := log.of(supervisor.Saved)
		return newestIs(ctx, folder, all[len(all)-1])
	})
}

// newestIs returns an error if the newest checkpoint is not the one of a save, whole, with the
// values of its step.
func newestIs(ctx context.Context, folder string, save supervisor.Event) error {
	newest, err := dir.Latest(ctx, folder, nil)
	if err != nil {
		return err
	}
	r, err := checkpoint.Open(ctx, newest, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	values, err := checkpoint.Values[float32](ctx, r, "w0", nil)
	if err != nil {
		return err
	}
	if newest != save.Path || values[len(values)-1] != float32(save.Step) {
		return fmt.Errorf("the newest checkpoint is %s with the value %v; saved was %v", newest, values[0], save)
	}
	return nil
}

// The disk becomes full in the middle of a training, which goes on. Each save tells it, the
// older checkpoint stays whole, and the first save that fits succeeds.
func TestDiskBecomesFull(t *testing.T) {
	for _, name := range []string{"sync", "async"} {
		t.Run(name, func(t *testing.T) { runOnSmallDisk(t, name) })
	}
}

func TestReadOnlyDiskIsToldAtTheStart(t *testing.T) { runOnSmallDisk(t, "read-only") }

// runOnSmallDisk runs a case in a process that has a mount namespace of its own.
func runOnSmallDisk(t *testing.T, name string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), onSmallDisk+"="+t.TempDir(), smallDiskCase+"="+name)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	err = cmd.Start()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
		t.Skip("NOT RUN: no namespace of its own: ", err)
	}
	require.NoError(t, err)
	var wrong []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		wrong = append(wrong, lines.Text())
	}
	require.NoError(t, cmd.Wait())
	if len(wrong) > 0 && strings.HasPrefix(wrong[0], "NOT RUN") {
		t.Skip(wrong[0])
	}
	assert.Empty(t, wrong)
}
