package op_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// signature is what a call of a function depends on: the types of its parameters and results.
type signature struct{ types, results []string }

// signatures returns the exported functions of a Go file.
func signatures(t *testing.T, file string) map[string]signature {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	all := make(map[string]signature)
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !f.Name.IsExported() {
			continue
		}
		var s signature
		for _, field := range f.Type.Params.List {
			for range field.Names {
				s.types = append(s.types, typeText(f, field.Type))
			}
		}
		if f.Type.Results != nil {
			for _, field := range f.Type.Results.List {
				for range max(1, len(field.Names)) {
					s.results = append(s.results, typeText(f, field.Type))
				}
			}
		}
		all[f.Name.Name] = s
	}
	return all
}

// typeText returns a type as text. A type parameter, which takes both kinds of element
// types, counts as the binding's.
func typeText(f *ast.FuncDecl, typ ast.Expr) string {
	text := types.ExprString(typ)
	if f.Type.TypeParams != nil {
		for _, field := range f.Type.TypeParams.List {
			for _, name := range field.Names {
				if text == name.Name || text == "[]"+name.Name {
					text = strings.Replace(text, name.Name, "tf.DataType", 1)
				}
			}
		}
	}
	return text
}

// Calls of the binding's wrappers compile when the import is changed: every function is
// there, with parameters of the same types, and perhaps more optional attributes.
func TestCallsOfTheBindingCompile(t *testing.T) {
	t.Parallel()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/galeone/tensorflow/tensorflow/go").Output()
	require.NoError(t, err)
	binding := signatures(t, filepath.Join(strings.TrimSpace(string(dir)), "op", "wrappers.go"))
	require.Greater(t, len(binding), 1000)
	ours := signatures(t, "wrappers.go")
	for name, want := range binding {
		if name == "XlaCallModule" {
			continue // TensorFlow has given it another attribute since
		}
		got, ok := ours[name]
		if !assert.True(t, ok, "%s is missing", name) {
			continue
		}
		if got.optional() && !want.optional() {
			got.types = got.types[:len(got.types)-1]
		}
		assert.Equal(t, want, got, name)
	}
}

// optional reports whether a function has optional attributes.
func (s signature) optional() bool {
	return strings.HasPrefix(s.types[len(s.types)-1], "...")
}
