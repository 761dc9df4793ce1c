package main

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"regexp"
	"strings"
)

// fieldMark separates a field or an interface method from its type. It becomes ", " in
// the output; until then it tells these lines from the identifiers that are counted.
const fieldMark = "\x00"

// exported describes what the files of one package export.
func exported(files []string) ([]string, error) {
	fset := token.NewFileSet()
	var lines []string
	for _, name := range files {
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		d := describer{fset: fset}
		for _, decl := range f.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				d.function(decl)
			case *ast.GenDecl:
				d.declaration(decl)
			}
		}
		lines = append(lines, d.lines...)
	}
	return lines, nil
}

type describer struct {
	fset  *token.FileSet
	lines []string
}

func (d *describer) add(line string) { d.lines = append(d.lines, line) }

var space = regexp.MustCompile(`\s+`)

// source prints a node on one line.
func (d *describer) source(node any) string {
	var b strings.Builder
	if err := printer.Fprint(&b, d.fset, node); err != nil {
		return err.Error()
	}
	return space.ReplaceAllString(b.String(), " ")
}

func (d *describer) function(f *ast.FuncDecl) {
	if !f.Name.IsExported() {
		return
	}
	text := "func "
	if f.Recv != nil {
		receiver := f.Recv.List[0].Type
		if !ast.IsExported(strings.TrimLeft(d.source(receiver), "*")) {
			return
		}
		text = "method (" + d.source(receiver) + ") "
	}
	d.add(text + f.Name.Name + d.typeParams(f.Type.TypeParams) + d.signature(f.Type))
}

func (d *describer) typeParams(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var params []string
	for _, field := range list.List {
		for _, name := range field.Names {
			params = append(params, name.Name+" "+d.source(field.Type))
		}
	}
	return "[" + strings.Join(params, ", ") + "]"
}

// signature leaves out the names of parameters: they are not part of the API.
func (d *describer) signature(t *ast.FuncType) string {
	results := d.types(t.Results)
	text := "(" + strings.Join(d.types(t.Params), ", ") + ")"
	switch len(results) {
	case 0:
		return text
	case 1:
		return text + " " + results[0]
	}
	return text + " (" + strings.Join(results, ", ") + ")"
}

func (d *describer) types(list *ast.FieldList) []string {
	var types []string
	if list == nil {
		return nil
	}
	for _, field := range list.List {
		for range max(1, len(field.Names)) {
			types = append(types, d.source(field.Type))
		}
	}
	return types
}

func (d *describer) declaration(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			d.typeSpec(spec)
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if !name.IsExported() {
					continue
				}
				text := decl.Tok.String() + " " + name.Name
				if spec.Type != nil {
					text += " " + d.source(spec.Type)
				}
				d.add(text)
			}
		}
	}
}

func (d *describer) typeSpec(spec *ast.TypeSpec) {
	name := spec.Name.Name
	if !spec.Name.IsExported() {
		return
	}
	text := "type " + name + d.typeParams(spec.TypeParams)
	if spec.Assign.IsValid() {
		d.add(text + " = " + d.source(spec.Type))
		return
	}
	switch t := spec.Type.(type) {
	case *ast.StructType:
		d.add(text + " struct")
		for _, field := range t.Fields.List {
			if len(field.Names) == 0 {
				d.add(text + " struct" + fieldMark + "embedded " + d.source(field.Type))
			}
			for _, n := range field.Names {
				if n.IsExported() {
					d.add(text + " struct" + fieldMark + n.Name + " " + d.source(field.Type))
				}
			}
		}
	case *ast.InterfaceType:
		d.add(text + " interface")
		for _, m := range t.Methods.List {
			if f, ok := m.Type.(*ast.FuncType); ok && len(m.Names) > 0 {
				d.add(text + " interface" + fieldMark + m.Names[0].Name + d.signature(f))
			} else {
				d.add(text + " interface" + fieldMark + "embedded " + d.source(m.Type))
			}
		}
	default:
		d.add(text + " " + d.source(t))
	}
}
