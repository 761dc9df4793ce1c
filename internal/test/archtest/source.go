package archtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is the path that every package of the project starts with.
const module = "github.com/tfkeep/tfkeep"

// pkg has what the rules need of the output of "go list" for a package.
type pkg struct {
	ImportPath   string
	Dir          string
	Name         string
	GoFiles      []string
	CgoFiles     []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	Deps         []string
}

// path returns the package's path inside the module: "checkpoint", "internal/table", and "."
// for the root.
func (p pkg) path() string {
	if p.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

// library reports whether the package is not a command or an example, which may print
// and exit.
func (p pkg) library() bool {
	return p.Name != "main" && !strings.HasPrefix(p.path(), "examples/")
}

// public reports whether other modules can import the package.
func (p pkg) public() bool {
	return p.library() && !strings.HasPrefix(p.path(), "internal/") && !strings.Contains(p.path(), "/internal/") && !strings.HasPrefix(p.path(), "scripts/")
}

// packages lists the module's packages with their dependencies. It lists the files of a
// build with cgo, which does not need libtensorflow.
func packages() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports,Deps", module+"/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
	}
	var list []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		list = append(list, p)
	}
}

// usesOf returns the places in a file where one of the selectors is used, each written
// as "package path.Name". A panic while a package-level variable is made does not count:
// like regexp.MustCompile it can only show a mistake in the program, at its start.
func usesOf(file string, selectors map[string]bool) ([]string, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	paths := map[string]string{} // the name in this file of each import
	for _, spec := range f.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		name := filepath.Base(path)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = path
	}
	var uses []string
	level := token.FUNC // the kind of the outermost declaration that is being visited
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			level = token.FUNC
		case *ast.GenDecl:
			if slices.Contains(f.Decls, ast.Decl(n)) { // and not inside a function
				level = n.Tok
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && selectors[paths[x.Name]+"."+n.Sel.Name] {
				uses = append(uses, fmt.Sprintf("%s: %s.%s", fset.Position(n.Pos()), x.Name, n.Sel.Name))
			}
		case *ast.CallExpr:
			x, ok := n.Fun.(*ast.Ident)
			if ok && selectors["builtin."+x.Name] && (level != token.VAR || x.Name != "panic") {
				uses = append(uses, fmt.Sprintf("%s: %s", fset.Position(n.Pos()), x.Name))
			}
		}
		return true
	})
	return uses, nil
}

var generated = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)

// lines counts a file's lines; a generated file has none.
func lines(file string) (int, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n := 0
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if generated.MatchString(scanner.Text()) {
			return 0, nil
		}
		n++
	}
	return n, scanner.Err()
}
