package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/syscalls"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// No fault leaves half of what a verb of the command writes: the old output is there, or
// the new one. The next run replaces it and tidies up.
func TestFaultsOfCommands(t *testing.T) {
	t.Parallel()
	tfkeep := filepath.Join(t.TempDir(), "tfkeep")
	build := exec.Command("go", "build", "-o", tfkeep, "../../../cmd/tfkeep")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	saves := childProgram(t, "steps").Folder
	exports := childProgram(t, exportMode).Folder
	older, newer := filepath.Join(saves, "m-1"), filepath.Join(saves, "m-3")

	const read = "v/Read/ReadVariableOp"
	tests := []struct {
		name string
		// old and new are the arguments that make the old and the new output. OUT stands
		// for the folder with the output.
		old, new []string
	}{
		{"convert to V2", []string{"convert", older, "OUT/m"}, []string{"convert", "--force", newer, "OUT/m"}},
		{"convert to V1", []string{"convert", "--to", "v1", older, "OUT/m"}, []string{"convert", "--to", "v1", "--force", newer, "OUT/m"}},
		{"convert to npz", []string{"convert", older, "OUT/m.npz"}, []string{"convert", "--force", newer, "OUT/m.npz"}},
		{"convert to safetensors", []string{"convert", older, "OUT/m.safetensors"}, []string{"convert", "--force", newer, "OUT/m.safetensors"}},
		{"convert a graph", []string{"convert", older + ".meta", "OUT/m.pbtxt"}, []string{"convert", "--force", exports + "/1/saved_model.pb", "OUT/m.pbtxt"}},
		{"freeze", []string{"freeze", older, "--output_node_names", read, "-o", "OUT/frozen.pb"}, []string{"freeze", "--force", newer, "--output_node_names", read, "-o", "OUT/frozen.pb"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := realTempDir(t)
			command := func(args []string) []string {
				line := []string{tfkeep}
				for _, a := range args {
					line = append(line, strings.Replace(a, "OUT", folder, 1))
				}
				return line
			}
			run := func(args []string) map[string]string {
				line := command(args)
				output, err := exec.Command(line[0], line[1:]...).CombinedOutput()
				require.NoError(t, err, "%s", output)
				return outputs(t, folder)
			}
			after := run(test.new)
			require.NoError(t, os.RemoveAll(folder))
			require.NoError(t, os.Mkdir(folder, 0o777))
			before := run(test.old)
			require.NotEqual(t, before, after)

			p := syscalls.Program{Args: command(test.new), Folder: folder}
			tryFaults(t, faultedProgram{program: p, judge: func(t *testing.T, r *syscalls.Result, again func() *syscalls.Result) {
				t.Helper()
				assertOldOrNew(t, before, after, outputs(t, folder), r.Code == 0 && !r.Killed)
				next := again()
				require.Zero(t, next.Code, "%s\n%s", next.Stdout, next.Stderr)
				assert.Equal(t, after, outputs(t, folder), "after another run")
			}})
		})
	}
}

// outputs returns the files of a folder by name. A V2 checkpoint counts by its value, because a
// data file that replaces another one has another name.
func outputs(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for name, content := range tftest.ReadFiles(t, folder) {
		switch {
		case strings.HasSuffix(name, ".index"):
			files[name] = fmt.Sprint("value ", counterValue(t, filepath.Join(folder, strings.TrimSuffix(name, ".index"))))
		case strings.Contains(name, ".data-") && !strings.Contains(name, "tmp"):
			files["data"] += "file"
		default:
			files[name] = string(content)
		}
	}
	return files
}

// assertOldOrNew requires that the files of one output are all old or all new. Temporary
// files beside them may be there.
func assertOldOrNew(t *testing.T, before, after, files map[string]string, succeeded bool) {
	t.Helper()
	same := func(want map[string]string) bool {
		for name, content := range want {
			if got, ok := files[name]; !ok || name != "data" && got != content {
				return false
			}
		}
		return true
	}
	if succeeded {
		assert.True(t, same(after), "it reported success")
		return
	}
	assert.True(t, same(before) || same(after), "half of an output")
}
