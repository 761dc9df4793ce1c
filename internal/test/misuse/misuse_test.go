package misuse_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// The environment of a process that walks: its group of functions, the number of the first
// call, and the file that gets the text of each call before it is made.
const (
	walkGroup = "TFKEEP_MISUSE_GROUP"
	walkFirst = "TFKEEP_MISUSE_FIRST"
	walkLog   = "TFKEEP_MISUSE_LOG"
	walkOnly  = "TFKEEP_MISUSE_ONLY" // part of the names to walk, for a person
)

func TestMain(m *testing.M) {
	if group := os.Getenv(walkGroup); group != "" {
		walkAll(group)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func group(name string) ([]any, []reflect.Type) {
	if name == "pure" {
		return pureFunctions, pureTypes
	}
	return sessionFunctions, sessionTypes
}

// walkAll is what the process does.
func walkAll(name string) {
	log := must(os.Create(os.Getenv(walkLog)))
	first := must(strconv.Atoi(os.Getenv(walkFirst)))
	out := bufio.NewWriter(os.Stdout)
	n := 0
	known := common()
	if name != "pure" {
		addSessionValues(known)
	}
	w := walker{
		values: valuesOf(known),
		before: func(call string) bool {
			n++
			if n < first {
				return false
			}
			restoreFiles()
			_ = must(log.WriteAt([]byte(fmt.Sprintf("%d %s\n", n, call)), 0))
			return true
		},
		report: func(call, fault string) {
			fmt.Fprintf(out, "BAD %q: %s\n", call, fault)
			_ = out.Flush()
		},
		reported: map[string]bool{},
	}
	for _, fn := range functionsOf(group(name)) {
		if strings.Contains(fn.name, os.Getenv(walkOnly)) {
			w.walk(fn)
		}
	}
	fmt.Println("CALLS", n)
}

// described are the functions and methods in api/tfkeep.txt.
var described = regexp.MustCompile(`(?m)^pkg ([^,]+), (?:func (\w+)|method \((\*?\w+)\) (\w+))`)

func TestEveryFunctionIsCalled(t *testing.T) {
	t.Parallel()
	called := map[string]bool{}
	for _, name := range []string{"pure", "session"} {
		for _, fn := range functionsOf(group(name)) {
			called[strings.TrimSuffix(fn.name, "[...]")] = true
		}
	}
	api, err := os.ReadFile(filepath.Join(tftest.ModuleRoot(t), "api", "tfkeep.txt"))
	require.NoError(t, err)
	found := described.FindAllStringSubmatch(string(api), -1)
	require.Greater(t, len(found), 400)
	for _, m := range found {
		name := m[1] + "." + m[2]
		if m[2] == "" {
			name = fmt.Sprintf("%s.(%s).%s", m[1], m[3], m[4])
			value := strings.Replace(name, ".("+m[3]+").", ".(*"+m[3]+").", 1) // a pointer has the methods of its value
			called[name] = called[name] || called[value]
		}
		assert.True(t, called[name], "%s has no case: add it to the lists of this package", name)
	}
}

// TestMisuseIsAnError walks in a process of its own, because a mistake may end the process.
func TestMisuseIsAnError(t *testing.T) {
	for _, name := range []string{"pure", "session"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "a", "b", "c")
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "kept"), 0o755))
			require.NoError(t, os.CopyFS(filepath.Join(dir, "kept", "model"), os.DirFS(tftest.Model(t, "half_plus_two"))))
			require.NoError(t, os.CopyFS(filepath.Join(dir, "kept", "train"), os.DirFS(tftest.Model(t, "linear"))))
			log := filepath.Join(t.TempDir(), "log")
			for first := 1; first > 0; {
				first = walkFrom(t, name, dir, log, first)
			}
		})
	}
}

// walkFrom starts a process that walks, and returns where to go on if it died.
func walkFrom(t *testing.T, group, dir, log string, first int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), walkGroup+"="+group, walkLog+"="+log, walkFirst+"="+strconv.Itoa(first), "TF_CPP_MIN_LOG_LEVEL=3")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	for line := range strings.SplitSeq(string(output), "BAD ") {
		if strings.HasPrefix(line, "CALLS") {
			continue
		}
		if i := strings.Index(line, "CALLS "); i >= 0 {
			t.Log(line[i:])
			line = line[:i]
		}
		if line != "" {
			assert.Fail(t, line)
		}
	}
	if err == nil {
		return 0
	}
	text, readErr := os.ReadFile(log)
	require.NoError(t, readErr)
	line, _, _ := strings.Cut(string(text), "\n")
	number, call, _ := strings.Cut(line, " ")
	last, parseErr := strconv.Atoi(number)
	require.NoError(t, parseErr, "%s\n%s", line, stderr.String())
	assert.Fail(t, "the process ended", "%s: %v\n%s", call, err, firstLines(stderr.String(), 30))
	return last + 1
}

func firstLines(s string, n int) string {
	lines := strings.SplitAfterN(s, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "")
}
