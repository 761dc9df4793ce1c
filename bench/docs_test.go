package main

import (
	"context"
	"path/filepath"
)

var _ = saveSmall

func save(context.Context, string) error { return nil }

// saveSmall is in docs/bench.md.
var saveSmall = Pair{
	Name: "save: 64 variables of 1 MiB",
	Goal: 1.0 / 3, // of Python's time
	Prepare: func(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
		path := filepath.Join(e.Dir, "model") // make the files here; e.Defer closes things
		// The work, once.
		tfkeep = e.InGo(func(ctx context.Context) error { return save(ctx, path) })
		// Python prepares outside of the measurement.
		_, err = e.Script(`kept["path"] = args[0]`, path)
		python = e.InPython(`
			import time
			start = time.perf_counter()
			save(kept["path"])
			result = time.perf_counter() - start
		`)
		return tfkeep, python, err
	},
}
