package tf

import (
	"context"

	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// GlobalVariablesInitializer adds an operation that gives every variable of
// the collection variables its first value; a NoOp called "init", as Python's,
// with one below it for each device where variables are on several.
func GlobalVariablesInitializer(g *Graph) (*Operation, error) {
	return VariablesInitializer(g, "init", g.GlobalVariables()...)
}

// LocalVariablesInitializer does it for the collection local_variables.
func LocalVariablesInitializer(g *Graph) (*Operation, error) {
	return VariablesInitializer(g, "init", g.LocalVariables()...)
}

// VariablesInitializer adds an operation that gives the variables their first
// values. Without variables it does nothing when it runs.
func VariablesInitializer(g *Graph, name string, vars ...*Variable) (*Operation, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	var all []*Operation
	for _, v := range vars {
		if v.Initializer() == nil {
			return nil, invalidf("variable %q has no initializer: its VariableDef names none", v.Name())
		}
		all = append(all, v.Initializer())
	}
	b := graphbuild.Open(g, name)
	init := b.Group(b.Scope(), all...)
	return init, b.Err()
}

// UninitializedVariables are the names of those of vars that have no value in
// sess, in order; without vars, of all global and local variables of its graph.
func UninitializedVariables(ctx context.Context, sess *Session, vars ...*Variable) ([]string, error) {
	if len(vars) == 0 {
		vars = append(sess.Graph().GlobalVariables(), sess.Graph().LocalVariables()...)
	}
	if len(vars) == 0 {
		return nil, nil
	}
	fetches := make([]Output, len(vars))
	for i, v := range vars {
		var err error
		if fetches[i], err = v.IsInitialized(); err != nil {
			return nil, variableError("check", v.Name(), err)
		}
	}
	results, err := sess.Run(ctx, nil, fetches, nil, nil)
	if err != nil {
		return nil, err
	}
	defer Release(results...)
	var missing []string
	for i, t := range results {
		if ok, _ := t.Value().(bool); !ok {
			missing = append(missing, vars[i].Name())
		}
	}
	return missing, nil
}
