package tf

import (
	"context"

	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// GlobalVariablesInitializer adds an operation that sets the first values of the variables
// in the collection variables. Like Python's it is a NoOp called "init". If the variables
// are on several devices, each device has a NoOp under "init".
func GlobalVariablesInitializer(g *Graph) (*Operation, error) {
	if err := g.givenUp(); err != nil {
		return nil, err
	}
	return VariablesInitializer(g, "init", g.GlobalVariables()...)
}

// VariablesInitializer adds an operation that sets the first values of vars, such as
// those of [Graph.LocalVariables]. Without vars the operation does nothing.
func VariablesInitializer(g *Graph, name string, vars ...*Variable) (*Operation, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := g.givenUp(); err != nil {
		return nil, err
	}
	var all []*Operation
	for _, v := range vars {
		if err := v.check(); err != nil {
			return nil, err
		}
		if v.Initializer() == nil {
			return nil, variableError("initialize", v.Name(), invalidf("its VariableDef has no initializer"))
		}
		all = append(all, v.Initializer())
	}
	b := graphbuild.Open(g, name)
	init := b.Group(b.Scope(), all...)
	return init, b.Err()
}

// UninitializedVariables returns the names of those of vars that have no value in sess, in
// order. Without vars it checks all global and local variables of the graph.
func UninitializedVariables(ctx context.Context, sess *Session, vars ...*Variable) ([]string, error) {
	if err := sess.check(ctx); err != nil {
		return nil, err
	}
	if len(vars) == 0 {
		vars = append(sess.Graph().GlobalVariables(), sess.Graph().LocalVariables()...)
	}
	if len(vars) == 0 {
		return nil, nil
	}
	fetches := make([]Output, len(vars))
	for i, v := range vars {
		err := v.check()
		if err != nil {
			return nil, err
		}
		if fetches[i], err = v.isInitialized(); err != nil {
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
