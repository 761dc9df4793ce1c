package docs

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the folder of the module.
const root = "../../.."

// files returns the texts of the module's files with a suffix, by their paths in root.
func files(t *testing.T, suffix string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, suffix):
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		texts[path] = string(text)
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, texts)
	return texts
}

// flat removes the indentation of each line.
func flat(code string) string {
	return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(strings.TrimSpace(code), "")
}

// compiled returns whether a Go file of the module has the lines of code.
func compiled(goFiles map[string]string, code string) bool {
	code = "\n" + flat(code) + "\n"
	for _, source := range goFiles {
		if strings.Contains(source, code) {
			return true
		}
	}
	return false
}

// goFiles returns the Go files of the module without indentation.
func goFiles(t *testing.T) map[string]string {
	t.Helper()
	texts := files(t, ".go")
	for path, text := range texts {
		texts[path] = "\n" + flat(text) + "\n"
	}
	return texts
}

func TestCodeInPagesCompiles(t *testing.T) {
	t.Parallel()
	sources := goFiles(t)
	for path, page := range files(t, ".md") {
		for _, m := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
			assert.True(t, compiled(sources, m[1]),
				"%s: no Go file has this code, so it may not compile; put it into an example or into blocks_test.go:\n%s", path, m[1])
		}
	}
}

func TestCodeInCommentsCompiles(t *testing.T) {
	t.Parallel()
	sources := goFiles(t)
	for path, source := range files(t, ".go") {
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
		require.NoError(t, err)
		for _, group := range file.Comments {
			for _, block := range new(comment.Parser).Parse(group.Text()).Content {
				code, ok := block.(*comment.Code)
				if ok && isGo(code.Text) {
					assert.True(t, compiled(sources, code.Text),
						"%s: no Go file has this code, so it may not compile; put it into an example or into blocks_test.go:\n%s", path, code.Text)
				}
			}
		}
	}
}

// isGo returns whether text is Go code: declarations or statements, at least one of which
// does something. Sketches with an ellipsis and tables are not.
func isGo(text string) bool {
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, 0); err == nil {
		return true
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {\n"+text+"\n}", 0)
	if err != nil {
		return false
	}
	calls := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.CallExpr, *ast.AssignStmt:
			calls = true
		}
		return true
	})
	return calls
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code    = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
)

// anchors returns the fragments that GitHub makes of a page's headings.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		found[strings.ReplaceAll(strings.TrimSpace(name), " ", "-")] = true
	}
	return found
}

// The guide to the source names files and packages as code, not as links.
func TestArchitectureNamesWhatExists(t *testing.T) {
	t.Parallel()
	page := files(t, "ARCHITECTURE.md")["ARCHITECTURE.md"]
	for _, m := range regexp.MustCompile("`([a-z]+)(/[a-z0-9_/.-]+)`").FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join(root, m[1])); err == nil {
			_, err := os.Stat(filepath.Join(root, m[1]+m[2]))
			assert.NoError(t, err)
		}
	}
	packages := map[string]bool{}
	for path := range files(t, ".go") {
		packages[filepath.ToSlash(filepath.Dir(path))] = true
	}
	for name := range packages {
		if strings.Contains(name, "internal/") {
			assert.True(t, strings.Contains(page, "`"+name+"`"), "ARCHITECTURE.md does not list %s", name)
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages := files(t, ".md")
	for path, page := range pages {
		dir := filepath.Dir(path)
		if dir == "cmd/tfkeep/internal/gendocs/cli" {
			dir = "docs" // these are parts of docs/cli.md
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(page, "x"), -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // another site
			}
			to := path
			if target != "" {
				to = filepath.Join(dir, target)
			}
			_, err := os.Stat(filepath.Join(root, to))
			assert.NoError(t, err, "%s links to %s", path, m[1])
			if fragment != "" {
				assert.True(t, anchors(pages[filepath.ToSlash(to)])[fragment], "%s links to %s: no such heading", path, m[1])
			}
		}
	}
}
