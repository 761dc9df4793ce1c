package command

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/freeze/inference"
)

// frozenSummary is the output of the verb.
type frozenSummary struct {
	freeze.Report
	Path      string
	optimized *inference.Report
	rounded   []inference.Rounded
}

func (c *command) printFrozen(f *freezeFlags, s *frozenSummary) error {
	if f.asJSON {
		return json.NewEncoder(c.Out).Encode(s.json())
	}
	c.Printf("%s  %s, %s\n", c.Paint(ui.Bold, ui.Name(s.Path)), ui.Size(s.Size), ui.Plural(int64(s.Nodes), "node"))
	field := func(name string, values ...string) {
		if len(values) > 0 {
			for i, v := range values {
				values[i] = ui.Clean(v)
			}
			c.Printf("  %-9s %s\n", name, strings.Join(values, ", "))
		}
	}
	field("inputs", append([]string(nil), s.Inputs...)...)
	field("outputs", append([]string(nil), s.Outputs...)...)
	field("froze", ui.Plural(int64(len(s.Frozen)), "variable")+", "+ui.Size(s.Bytes))
	for _, v := range s.Frozen {
		if len(v.Others) > 0 {
			field("chosen", fmt.Sprintf("%s from %q; another saver of the graph restores it from %q", v.Name, v.Key, v.Others))
		}
	}
	if n := len(s.Renamed); n > 0 {
		field("renamed", ui.Plural(int64(n), "variable")+" by --rename")
	}
	field("kept", append([]string(nil), s.Kept...)...)
	if s.optimized != nil {
		var notes []string
		if n := len(s.optimized.Folded); n > 0 {
			notes = append(notes, ui.Plural(int64(n), "batch norm")+" folded")
		}
		notes = append(notes, ui.Count(int64(s.optimized.Before))+" nodes before")
		field("optimized", notes...)
	}
	for _, r := range s.Repairs {
		what := r.Node + " (" + r.From + ") dropped: it only wrote to a variable"
		if r.To != "" {
			what = r.Node + ": " + r.From + " is " + r.To + " now"
		}
		field("repaired", what)
	}
	for _, r := range s.rounded {
		field("rounded", roundedText(r))
	}
	field("tables", append([]string(nil), s.Tables...)...)
	field("embedded", append([]string(nil), s.Embedded...)...)
	if len(s.Tables) == 0 || f.embedTables {
		return nil
	}
	if f.initializers == "" {
		c.Note("the tables must be filled before use: use --embed_tables, or keep the nodes that do so with --initializer_nodes %s, and run them first", strings.Join(s.TableInitializers, ","))
	} else {
		c.Note("the tables must be filled before use: run the nodes %s first", f.initializers)
	}
	if len(s.Assets) > 0 {
		field("assets", append([]string(nil), s.Assets...)...)
		c.Note("the tables are filled from the files that these nodes name; ship them with the graph, or use --embed_tables")
	}
	return nil
}

func roundedText(r inference.Rounded) string {
	if r.Kept != "" {
		return r.Node + " left as it is: " + r.Kept
	}
	return r.Node + ": largest error " + short(r.MaxError) + ", mean square error " + short(r.RMSError) + " of " + short(r.RMS)
}

type frozenJSON struct {
	Path         string           `json:"path"`
	Bytes        int64            `json:"bytes"`
	Nodes        int              `json:"nodes"`
	Inputs       []string         `json:"inputs"`
	Outputs      []string         `json:"outputs"`
	Variables    []frozenVariable `json:"variables"`
	Renamed      []string         `json:"renamed"`
	Kept         []string         `json:"kept"`
	Repairs      []freezeRepair   `json:"repairs"`
	Folded       []string         `json:"folded_batch_norms"`
	Rounded      []frozenRounding `json:"rounded"`
	Tables       []string         `json:"tables"`
	Assets       []string         `json:"assets"`
	Initializers []string         `json:"table_initializers"`
	Embedded     []string         `json:"embedded"`
}

type frozenVariable struct {
	Name  string  `json:"name"`
	Key   string  `json:"key"`
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"`
	Bytes int64   `json:"bytes"`
	// Others are keys from which other savers of the graph restore it.
	Others []string `json:"other_keys,omitempty"`
}

type freezeRepair struct {
	Node     string `json:"node"`
	Function string `json:"function,omitempty"`
	From     string `json:"from"`
	To       string `json:"to,omitempty"`
}

type frozenRounding struct {
	Node     string  `json:"node"`
	MaxError float64 `json:"max_error"`
	RMSError float64 `json:"rms_error"`
	RMS      float64 `json:"rms"`
	Kept     string  `json:"kept,omitempty"`
}

func (s *frozenSummary) json() frozenJSON {
	some := func(names []string) []string { return append([]string{}, names...) } // [] and not null
	j := frozenJSON{Path: s.Path, Bytes: s.Size, Nodes: s.Nodes, Inputs: some(s.Inputs), Outputs: some(s.Outputs), Renamed: some(s.Renamed), Kept: some(s.Kept),
		Tables: some(s.Tables), Assets: some(s.Assets), Initializers: some(s.TableInitializers), Embedded: some(s.Embedded), Variables: []frozenVariable{}, Repairs: []freezeRepair{}, Folded: []string{}, Rounded: []frozenRounding{}}
	for _, v := range s.Frozen {
		j.Variables = append(j.Variables, frozenVariable{v.Name, v.Key, v.DType, append([]int64{}, v.Shape...), v.Bytes, v.Others})
	}
	for _, r := range s.Repairs {
		j.Repairs = append(j.Repairs, freezeRepair{r.Node, r.Func, r.From, r.To})
	}
	if s.optimized != nil {
		for _, n := range s.optimized.Folded {
			j.Folded = append(j.Folded, n.Node)
		}
	}
	for _, r := range s.rounded {
		j.Rounded = append(j.Rounded, frozenRounding{r.Node, r.MaxError, r.RMSError, r.RMS, r.Kept})
	}
	return j
}
