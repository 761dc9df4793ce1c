package interop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/examples/digits/model"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/syscalls"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// victim is the environment variable with the folder in which this test binary trains
// until it is killed.
const victim = "TFKEEP_INTEROP_VICTIM"

func TestMain(m *testing.M) {
	if err := syscalls.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if mode := os.Getenv(faultChildMode); mode != "" {
		if err := runFaultChild(mode, os.Getenv(faultChildFolder)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	if dir := os.Getenv(victim); dir != "" {
		if err := trainForever(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// trainForever starts or continues the training in folder, saves after every step, and
// prints each step that it has saved.
func trainForever(ctx context.Context, folder string) error {
	g := tf.NewGraph()
	path, err := dir.Latest(ctx, folder, nil)
	begin := errors.Is(err, tfkeep.ErrNotFound)
	var sv *saver.Saver
	switch {
	case begin:
		if g, err = model.Build(1); err == nil {
			sv, err = saver.New(g, nil)
		}
	case err == nil:
		sv, err = saver.ImportMetaGraph(ctx, g, path+".meta", nil)
	}
	if err != nil {
		return err
	}
	var initialize *tf.Operation
	if begin {
		if initialize, err = tf.GlobalVariablesInitializer(g); err != nil {
			return err
		}
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	if begin {
		err = sess.RunOps(ctx, initialize)
	} else {
		_, err = sv.Restore(ctx, sess, path, nil)
	}
	if err != nil {
		return err
	}
	_, err = training.Run(ctx, sess, sv, training.Options{
		Dir:       folder,
		Until:     1 << 40,
		SaveEvery: 1,
		AfterStep: func(step int64, _ float32) { fmt.Println(step) },
	})

	return err
}

// trainAndKill starts the victim, kills it at a random time after its first saved step,
// and returns the last step that it reported as saved.
func trainAndKill(t *testing.T, dir string) (saved int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if saved == 0 {
			time.AfterFunc(time.Duration(rand.IntN(int(100*time.Millisecond))), func() {
				_ = cmd.Process.Signal(syscall.SIGKILL)
			})
		}
		saved, err = strconv.ParseInt(lines.Text(), 10, 64)
		require.NoError(t, err)
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "it ended by itself: %v", exit)
	return saved
}

func TestKilledTrainingContinues(t *testing.T) {
	oracle.Python(t)
	folder := t.TempDir()
	var step int64
	for range 6 {
		saved := trainAndKill(t, folder)
		require.Greater(t, saved, step, "it goes on")

		path, err := dir.Latest(t.Context(), folder, nil)
		require.NoError(t, err)
		d := restored(t, path)
		step, err = training.GlobalStep(t.Context(), d.sess)
		require.NoError(t, err)
		// The process may be killed after a save and before it is reported, but not
		// the other way around.
		assert.GreaterOrEqual(t, step, saved)
		assert.LessOrEqual(t, step, saved+1)
		assert.Equal(t, filepath.Join(folder, fmt.Sprintf("model-%d", step)), path)
	}

	path, err := dir.Latest(t.Context(), folder, nil)
	require.NoError(t, err)
	killed := restored(t, path).values(t)
	straight := fresh(t)
	straight.train(t, t.TempDir(), step)
	assert.Equal(t, straight.values(t), killed, "six deaths changed the training")

	python := inPython(t, oracle.Value[string](t, `result = tf1.train.latest_checkpoint(args[0])`, folder), t.TempDir(), 0, 0)
	assert.Equal(t, killed, python.Before)
}
