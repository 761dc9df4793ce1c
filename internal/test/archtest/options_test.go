package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// optionPackages are the packages whose options are all set in tests, so that none is taken and
// does nothing. Their names differ, and so they identify the packages in the tests' source.
var optionPackages = []string{
	"saver", "savedmodel", "savedmodel/offline", "freeze", "tf", "checkpoint", "checkpoint/convert",
	"checkpoint/dir", "checkpoint/diff", "checkpoint/stats", "verify",
}

// optionField is "saver.Options.MaxToKeep".
type optionField struct{ pkg, options, name string }

// A new option needs a test that sets it and sees what it does.
func TestEveryOptionIsSetInATest(t *testing.T) {
	t.Parallel()
	set := map[optionField]bool{}
	assigned := map[string]map[string]bool{} // folder → fields that are assigned to something
	root := filepath.Join("..", "..", "..")
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := filepath.Dir(path)
		if assigned[folder] == nil {
			assigned[folder] = map[string]bool{}
		}
		u := &optionUses{pkg: strings.TrimSuffix(file.Name.Name, "_test"), set: set, assigned: assigned[folder]}
		u.file(file)
		return nil
	}))
	for _, pkg := range optionPackages {
		for _, f := range optionsOf(t, filepath.Join(root, pkg)) {
			if !set[f] && !assigned[filepath.Join(root, pkg)][f.name] {
				assert.Failf(t, "no test sets an option", "%s.%s.%s: add a test that shows that it is obeyed or refused", f.pkg, f.options, f.name)
			}
		}
	}
}

// optionsOf returns the exported fields of the structs of a package that end in Options.
func optionsOf(t *testing.T, folder string) (fields []optionField) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, e.Name()), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			types, ok := decl.(*ast.GenDecl)
			if !ok || types.Tok != token.TYPE {
				continue
			}
			for _, spec := range types.Specs {
				s := spec.(*ast.TypeSpec)
				body, ok := s.Type.(*ast.StructType)
				if !ok || !s.Name.IsExported() || !strings.HasSuffix(s.Name.Name, "Options") {
					continue
				}
				for _, f := range body.Fields.List {
					for _, name := range f.Names {
						if name.IsExported() {
							fields = append(fields, optionField{file.Name.Name, s.Name.Name, name.Name})
						}
					}
				}
			}
		}
	}
	require.NotEmpty(t, fields, folder)
	return fields
}

// optionUses notes which options a test file sets.
type optionUses struct {
	pkg      string
	set      map[optionField]bool
	assigned map[string]bool
}

func (u *optionUses) file(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if n.Type != nil {
				u.literal(n, n.Type)
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				for {
					s, ok := left.(*ast.SelectorExpr)
					if !ok {
						break
					}
					u.assigned[s.Sel.Name] = true
					left = s.X
				}
			}
		}
		return true
	})
}

// literal notes the fields that a literal of a type has, and the literals in it whose type is
// left out.
func (u *optionUses) literal(lit *ast.CompositeLit, typ ast.Expr) {
	switch typ := typ.(type) {
	case *ast.ArrayType:
		u.elements(lit, typ.Elt)
		return
	case *ast.MapType:
		u.elements(lit, typ.Value)
		return
	}
	pkg, name := u.typeName(typ)
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				u.set[optionField{pkg, name, key.Name}] = true
			}
		}
	}
}

func (u *optionUses) elements(lit *ast.CompositeLit, typ ast.Expr) {
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
			u.literal(inner, typ)
		}
	}
}

func (u *optionUses) typeName(typ ast.Expr) (pkg, name string) {
	switch typ := typ.(type) {
	case *ast.Ident:
		return u.pkg, typ.Name
	case *ast.SelectorExpr:
		if x, ok := typ.X.(*ast.Ident); ok {
			return x.Name, typ.Sel.Name
		}
	}
	return "", ""
}

// An option that no test sets is found.
func TestOptionUses(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "a_test.go", `package saver_test
var _ = []saver.Options{{Sharded: true}}
var _ = &SaveOptions{NoState: true}
var _ = map[string]*saver.Options{"a": {Reshape: true}}
func f() { o.Gather.Batches = 3 }`, parser.SkipObjectResolution)
	require.NoError(t, err)
	u := &optionUses{pkg: "saver", set: map[optionField]bool{}, assigned: map[string]bool{}}
	u.file(file)
	for _, f := range []optionField{{"saver", "Options", "Sharded"}, {"saver", "SaveOptions", "NoState"}, {"saver", "Options", "Reshape"}} {
		assert.True(t, u.set[f], f)
	}
	assert.True(t, u.assigned["Batches"])
	assert.False(t, u.set[optionField{"saver", "Options", "Filename"}])
	assert.True(t, slices.Contains(optionPackages, "saver"))
}
