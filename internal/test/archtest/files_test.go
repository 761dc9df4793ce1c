package archtest

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// raw are the functions that open, list or change files without the checks of internal/vfs:
// they wait for the other end of a pipe, follow links when they create a file, or read
// without a limit.
var raw = map[string]bool{
	"os.Open": true, "os.Create": true, "os.OpenFile": true, "os.OpenRoot": true, "os.OpenInRoot": true, "os.NewFile": true,
	"os.ReadFile": true, "os.WriteFile": true, "os.ReadDir": true, "os.DirFS": true, "os.CreateTemp": true,
	"os.Rename": true, "os.Remove": true, "os.Link": true, "os.Symlink": true, "os.Truncate": true, "os.Chmod": true, "os.CopyFS": true,
	"path/filepath.Glob": true, "path/filepath.Walk": true, "path/filepath.WalkDir": true,
	"syscall.Open": true, "golang.org/x/sys/unix.Open": true, "golang.org/x/sys/unix.Openat": true,
	"io/ioutil.ReadFile": true, "io/ioutil.WriteFile": true, "io/ioutil.ReadDir": true,
}

// mayOpenRaw has the packages that may use them, and why.
var mayOpenRaw = map[string]string{
	"internal/vfs":                "it is the package with the checks",
	"cmd/tfkeep/internal/gendocs": "it writes the documentation of this module",
	"scripts":                     "tools for this module's own files",
	"internal/test":               "helpers of tests",
	"bench":                       "measures on files that it has made",
}

func TestFilesAreOpenedThroughVFS(t *testing.T) {
	used := map[string]bool{}
	for _, p := range list(t) {
		allowed := ""
		for at := range mayOpenRaw {
			if under(p.path(), at) {
				allowed = at
			}
		}
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles) {
			uses, err := usesOf(filepath.Join(p.Dir, file), raw)
			require.NoError(t, err)
			if allowed != "" {
				used[allowed] = used[allowed] || len(uses) > 0
				continue
			}
			assert.Empty(t, uses, "use internal/vfs: it does not wait for pipes, follows no links where it writes, and bounds what it reads")
		}
	}
	for at := range mayOpenRaw {
		assert.True(t, used[at], "%s does not open files: remove it from the list", at)
	}
}
