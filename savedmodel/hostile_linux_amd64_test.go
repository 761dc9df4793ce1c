package savedmodel_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/internal/test/syscalls"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Environment of the process that loads hostile models.
const (
	hostileList    = "TFKEEP_HOSTILE_LIST"    // a file with the folders of models to load
	hostileTrust   = "TFKEEP_HOSTILE_TRUST"   // "1" loads them with AllowAllOps
	hostileAlone   = "TFKEEP_HOSTILE_ALONE"   // "1": each model has a process of its own
	hostileOnly    = "TFKEEP_HOSTILE_ONLY"    // a pattern for the names of the models
	hostileMark    = "/tfkeep-hostile-model/" // opened before each model is loaded
	hostileLimit   = 20 * time.Second
	maxHostileGrow = 64 << 20
)

// outcome is what the loading process says about one model.
type outcome struct {
	Name    string
	Error   string // "" if the model was loaded
	Refused bool   // as unsafe or too large
	Took    time.Duration
	Grew    int64 // bytes by which the process's memory grew at most

	calls []syscalls.Call // seen by the test
	ended string          // how the process ended in the middle of this model
}

func init() { loadModels = loadHostile }

// loadHostile is the process that loads models.
func loadHostile(list string) error {
	data, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	dirs := strings.Split(strings.TrimSpace(string(data)), "\n")
	o := &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{AllowAllOps: os.Getenv(hostileTrust) == "1"}}
	limit := hostileLimit
	if o.AllowAllOps {
		limit /= 8 // many wait without end
	}
	load := func(dir string) (out outcome) {
		out.Name = filepath.Base(dir)
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		before, _ := procmem.Resident(os.Getpid())
		_ = procmem.ForgetPeak(os.Getpid())
		begin := time.Now()
		m, err := savedmodel.Open(ctx, dir, o)
		out.Took = time.Since(begin)
		if !o.AllowAllOps {
			importHostile(ctx, dir)
		}
		peak, _ := procmem.Peak(os.Getpid())
		out.Grew = peak - before
		if err != nil {
			out.Error, out.Refused = err.Error(), errors.Is(err, tfkeep.ErrUnsafe) || errors.Is(err, tfkeep.ErrTooLarge)
			return out
		}
		_ = m.Close()
		return out
	}
	load(dirs[0]) // a sound model, so that libraries open their files first
	if err := syscalls.Install(); err != nil {
		return fmt.Errorf("cannot be traced: %w", err)
	}
	for _, dir := range dirs[1:] {
		_, _ = os.Open(hostileMark + filepath.Base(dir))
		if err := json.NewEncoder(os.Stdout).Encode(load(dir)); err != nil {
			return err
		}
	}
	return nil
}

// importHostile imports the graph of a model as that of a ".meta" file, and restores its
// variables. Whether that works does not matter here.
func importHostile(ctx context.Context, dir string) {
	sm, err := graphdef.ReadSavedModel(dir)
	if err != nil {
		return
	}
	g := tf.NewGraph()
	im, err := tf.ImportMetaGraph(ctx, g, sm.MetaGraphs[0], nil)
	if err != nil {
		return
	}
	s, err := saver.FromImported(g, im, nil)
	if err != nil {
		return
	}
	defer s.Close()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return
	}
	defer sess.Close()
	_, _ = s.Restore(ctx, sess, filepath.Join(dir, "variables", "variables"), nil)
}

// Each hostile model is loaded, and its graph is imported as that of a ".meta" file, in a
// process whose system calls are watched. Nothing may
// be read, listed, changed or connected to outside of the model, and the process may not
// end, wait for long, or grow.
func TestHostileModelsDoNothing(t *testing.T) {
	for _, script := range []string{"hostile", "hostile_more", "hostile_kinds"} {
		t.Run(script, func(t *testing.T) {
			outside, names := hostileModels(t, script)
			require.True(t, len(names) > 200 || os.Getenv(hostileOnly) != "")
			refused, slowest, largest := 0, time.Duration(0), int64(0)
			for i, out := range watchHostile(t, names, false) {
				dir := names[i]
				name := filepath.Base(out.Name)
				assert.Empty(t, out.ended, name)
				assert.Empty(t, reached(out, outside), name)
				assert.Less(t, out.Took, hostileLimit, name)
				assert.Less(t, out.Grew, int64(maxHostileGrow)+2*modelSize(t, dir), name)
				slowest, largest = max(slowest, out.Took), max(largest, out.Grew)
				if out.Refused {
					refused++
				} else {
					t.Logf("%s: %s", name, out.Error)
				}
			}
			t.Logf("%d models, %d refused as unsafe or too large, at most %v and %d MiB for one", len(names), refused, slowest, largest>>20)
		})
	}
}

// With AllowAllOps most of the models do what they are made for: that shows that the other
// test looks at the right things. It takes long, because some models wait without end.
func TestHostileModelsAreHostile(t *testing.T) {
	if os.Getenv(hostileAlone) != "1" {
		t.Skip("set " + hostileAlone + "=1 to load the models with AllowAllOps too")
	}
	outside, dirs := hostileModels(t, "hostile")
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { // others differ in where it is tried
		return strings.HasSuffix(dir, "-beside") || strings.Contains(dir, "-deep-") || strings.Contains(dir, "-hook_restore")
	})
	hostile := 0
	for _, out := range watchHostile(t, dirs, true) {
		calls := reached(out, outside)
		if out.ended != "" || len(calls) > 0 || out.Took >= hostileLimit/8 || out.Grew > maxHostileGrow {
			hostile++
		} else {
			t.Logf("%s did nothing: %s", out.Name, out.Error)
		}
	}
	t.Logf("%d of %d models reach out, end the process or wait", hostile, len(dirs))
	assert.Greater(t, hostile, len(dirs)/2)
}

// hostileModels writes the models, and returns the folder that they must not touch.
func hostileModels(t *testing.T, name string) (outside string, dirs []string) {
	t.Helper()
	root := t.TempDir()
	outside = filepath.Join(root, "outside")
	require.NoError(t, os.MkdirAll(outside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte{1, 0, 0, 0}, 0o644))
	server, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	var script []byte
	for _, part := range []string{"hostile_base", "hostile_graph", name} {
		text, err := os.ReadFile("testdata/" + part + ".py")
		require.NoError(t, err)
		script = append(script, text...)
	}
	var made struct{ Models, Skipped []string }
	oracle.RunEager(t, string(script), filepath.Join(root, "models"), tftest.Model(t, "words"), outside, server.Addr().String()).Decode(t, &made)
	assert.Empty(t, made.Skipped)
	only := regexp.MustCompile(os.Getenv(hostileOnly))
	for _, name := range made.Models {
		if !only.MatchString(name) {
			continue
		}
		dirs = append(dirs, filepath.Join(root, "models", name))
	}
	return outside, dirs
}

// modelSize returns the size of a model's graph.
func modelSize(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "saved_model.pb"))
	require.NoError(t, err)
	return info.Size()
}

// removeMade removes everything but the secret: what Python's shape inference has made while
// it wrote the models, or the models themselves.
func removeMade(t *testing.T, outside string) {
	t.Helper()
	for _, name := range tftest.FileNames(t, outside) {
		if name != "secret" {
			require.NoError(t, os.RemoveAll(filepath.Join(outside, name)))
		}
	}
}

// watchHostile loads models and returns what happened. A process loads many; if it ends,
// another one goes on behind the model that ended it.
func watchHostile(t *testing.T, dirs []string, trust bool) []outcome {
	t.Helper()
	sound := tftest.Model(t, "words")
	var all []outcome
	for len(dirs) > 0 {
		some := dirs
		if os.Getenv(hostileAlone) == "1" || trust {
			some = dirs[:1]
		}
		removeMade(t, filepath.Join(filepath.Dir(filepath.Dir(dirs[0])), "outside"))
		outs := watchOnce(t, append([]string{sound}, some...), trust)
		require.NotEmpty(t, outs, "the process ended before the first model")
		all = append(all, outs...)
		dirs = dirs[len(outs):]
	}
	return all
}

func watchOnce(t *testing.T, dirs []string, trust bool) []outcome {
	t.Helper()
	folder := t.TempDir()
	list := filepath.Join(folder, "list")
	require.NoError(t, os.WriteFile(list, []byte(strings.Join(dirs, "\n")), 0o644))
	stdout, err := os.Create(filepath.Join(folder, "stdout"))
	require.NoError(t, err)
	defer stdout.Close()
	stderr, err := os.Create(filepath.Join(folder, "stderr"))
	require.NoError(t, err)
	defer stderr.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Stdout, cmd.Stderr, cmd.Dir = stdout, stderr, folder
	cmd.Env = append(os.Environ(), hostileList+"="+list)
	if trust {
		cmd.Env = append(cmd.Env, hostileTrust+"=1")
	}
	calls := map[string][]syscalls.Call{}
	current := ""
	var kill *time.Timer
	status, err := syscalls.Watch(t.Context(), cmd, func(c syscalls.Call) {
		if name, ok := strings.CutPrefix(c.Path, hostileMark); ok {
			current = name
			if kill != nil {
				kill.Stop()
			}
			kill = time.AfterFunc(map[bool]time.Duration{true: hostileLimit / 4, false: 2 * hostileLimit}[trust], func() { _ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL) })
			return
		}
		calls[current] = append(calls[current], c)
	})
	if kill != nil {
		kill.Stop()
	}
	messages, _ := os.ReadFile(stderr.Name())
	if err != nil || strings.Contains(string(messages), "cannot be traced") {
		t.Skip("this system does not let processes be traced: ", err, string(messages))
	}
	_, err = stdout.Seek(0, 0)
	require.NoError(t, err)
	var outs []outcome
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var out outcome
		if json.Unmarshal(lines.Bytes(), &out) == nil && out.Name != "" {
			out.calls = calls[out.Name]
			outs = append(outs, out)
		}
	}
	if len(outs) < len(dirs)-1 {
		tail := string(messages)
		if len(tail) > 2000 {
			tail = tail[:2000]
		}
		outs = append(outs, outcome{Name: current, calls: calls[current], ended: fmt.Sprintf("the process ended, status %#x: %s", status, tail)})
	}
	return outs
}

// reached returns the calls that left the model. System files that the libraries read
// when they like do not count.
func reached(out outcome, outside string) []string {
	var all []string
	for _, c := range out.calls {
		inside := strings.Contains(c.Path, "/models/"+out.Name)
		system := c.Path != "" && !c.Change && !strings.HasPrefix(c.Path, outside) &&
			(strings.HasPrefix(c.Path, "/proc/") || strings.HasPrefix(c.Path, "/sys/") || strings.HasPrefix(c.Path, "/usr/") ||
				strings.HasPrefix(c.Path, "/lib") || strings.HasPrefix(c.Path, "/etc/ld.so") || strings.HasPrefix(c.Path, "/dev/"))
		// procmem.ForgetPeak, and what the test binary writes under "go test -cover"
		if strings.HasSuffix(c.Path, "/clear_refs") || strings.Contains(c.Path, "/gocoverdir/") {
			continue
		}
		if c.Change || !inside && !system {
			all = append(all, c.String())
		}
	}
	return all
}
