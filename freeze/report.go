package freeze

import "slices"

// Report describes what freezing did.
type Report struct {
	Outputs   []string   // names of the output nodes
	Nodes     int        // nodes of the frozen graph, without those of functions
	Functions int        // functions in its library
	Frozen    []Variable // variables that became constants, in graph order
	Renamed   []string   // those of them whose keys Options.Rename gave
	Kept      []string   // variables that stayed, as the lists of Options say
	Converted int        // nodes that read or passed on a variable and were rewritten
	Repairs   []Repair   // writes to variables that became arithmetic or were removed
	Assets    []string   // names of the Const nodes that hold the file names of lookup tables
	Tables    []string   // lookup tables that the frozen graph has to initialize

	// TableInitializers are the nodes that fill the tables. They are in the frozen
	// graph only if Options.InitializerNodes names them.
	TableInitializers []string
	Embedded          []string // names of the files that were put into the graph

	Inputs []string // placeholders that the frozen graph takes
	Bytes  int64    // bytes of the constants that were variables
	Size   int64    // bytes of the frozen graph as a file
}

func (r Report) clone() Report {
	for _, names := range []*[]string{
		&r.Outputs, &r.Renamed, &r.Kept, &r.Assets, &r.Tables, &r.TableInitializers, &r.Embedded, &r.Inputs,
	} {
		*names = slices.Clone(*names)
	}
	r.Frozen, r.Repairs = slices.Clone(r.Frozen), slices.Clone(r.Repairs)
	for i := range r.Frozen {
		r.Frozen[i].Shape, r.Frozen[i].Others = slices.Clone(r.Frozen[i].Shape), slices.Clone(r.Frozen[i].Others)
	}
	return r
}

// Variable is a variable that became a constant.
type Variable struct {
	Name  string  // of the node
	Key   string  // in the checkpoint
	DType string  // "float32", …
	Shape []int64 // of the constant
	Bytes int64   // of the value

	// Others are other keys of the checkpoint, with other values, from which other savers
	// of the graph restore the variable.
	Others []string
}

// Repair is a change that freezing made besides turning variables into constants.
type Repair struct {
	Node string // name of the node
	Func string // the function that has it, "" for the graph
	From string // its operation before
	To   string // its operation after, "" if the node was removed
}
