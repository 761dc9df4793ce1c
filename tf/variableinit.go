package tf

import "context"

// GlobalVariablesInitializer adds an operation that gives every variable of
// the collection variables its first value; a NoOp called "init", as Python's.
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
	spec := OpSpec{Type: "NoOp", Name: name}
	for _, v := range vars {
		if v.Initializer() == nil {
			return nil, invalidf("variable %q has no initializer: its VariableDef names none", v.Name())
		}
		spec.ControlDependencies = append(spec.ControlDependencies, v.Initializer())
	}
	return g.AddOp(spec)
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
			return nil, variableError(v.Name(), err)
		}
	}
	results, err := sess.Run(ctx, nil, fetches, nil)
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
