package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
)

func (c *command) savedModel() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "savedmodel",
		Short: "Show, check, make and change SavedModels",
		Long: `Show, check, make and change SavedModels from their files alone. The output of "show"
and "scan" is that of saved_model_cli.`,
		Example: `  tfkeep savedmodel show export/1 --all
  tfkeep savedmodel scan downloaded/
  tfkeep savedmodel from-frozen frozen.pb export/1 --input x --output y`,
		RunE: verbsOnly,
	}
	cmd.AddCommand(c.savedModelShow(), c.savedModelScan(), c.savedModelDiff(), c.savedModelFromFrozen(),
		c.savedModelFromCheckpoint(), c.savedModelPrune(), c.savedModelRetag(), c.savedModelResign())
	return cmd
}

// tagsFlag adds the flag --tags, and saved_model_cli's name for it.
func tagsFlag(cmd *cobra.Command, tags *string, what string) {
	cmd.Flags().StringVar(tags, "tags", "", what)
	cmd.Flags().StringVar(tags, "tag_set", "", "saved_model_cli's name for --tags")
	_ = cmd.Flags().MarkHidden("tag_set")
}

func (c *command) savedModelShow() *cobra.Command {
	var f showFlags
	cmd := &cobra.Command{
		Use:   "show DIR",
		Short: "Show tags, signatures and operations",
		Long: `Show the tag sets of a SavedModel; with --tags, the signatures of the graph with
exactly these tags; with --signature, the inputs and outputs of a signature.`,
		Example: `  tfkeep savedmodel show export/1
  tfkeep savedmodel show export/1 --tags serve --signature serving_default
  tfkeep savedmodel show export/1 --all
  tfkeep savedmodel show export/1 --json | jq '.graphs[0].signatures'`,
		Args: needs(1, 1, "DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			sm, err := graphdef.ReadSavedModel(args[0])
			if err != nil {
				return err
			}
			return c.showModel(args[0], sm, &f)
		},
	}
	tagsFlag(cmd, &f.tags, "the graph with exactly these `TAGS`, separated by commas")
	cmd.Flags().StringVar(&f.key, "signature", "", "the `KEY` of a signature of that graph")
	cmd.Flags().StringVar(&f.key, "signature_def", "", "saved_model_cli's name for --signature")
	_ = cmd.Flags().MarkHidden("signature_def")
	cmd.Flags().BoolVar(&f.all, "all", false, "show every graph in full")
	cmd.Flags().BoolVar(&f.ops, "list_ops", false, "show the operations of the graph")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}

// showFlags are the flags of "savedmodel show".
type showFlags struct {
	tags, key      string
	all, ops, json bool
}

// findGraph returns the graph with exactly these tags of the SavedModel in dir.
func findGraph(dir string, sm *graphdef.SavedModel, tags string) (*graphdef.MetaGraphDef, error) {
	mg, err := graphdef.FindMetaGraph(sm, cli.SplitList(tags))
	if e, ok := errors.AsType[*tfkeep.Error](err); ok {
		e.Path = dir
	}
	return mg, err
}

func (c *command) showModel(dir string, sm *graphdef.SavedModel, f *showFlags) error {
	switch {
	case f.json:
		return json.NewEncoder(c.Out).Encode(modelJSON(sm))
	case f.all:
		for _, mg := range byTags(sm) {
			c.printMetaGraph(mg)
			c.showOps(mg)
		}
		c.showFunctions(sm.MetaGraphs)
		return nil
	case f.tags == "":
		c.Printf("The given SavedModel contains the following tag-sets:\n")
		for _, mg := range byTags(sm) {
			c.Printf("'%s'\n", ui.Clean(strings.Join(slices.Sorted(slices.Values(mg.GetMetaInfoDef().GetTags())), ", ")))
		}
		return nil
	}
	mg, err := findGraph(dir, sm, f.tags)
	if err != nil {
		return err
	}
	switch {
	case f.ops:
		c.showOps(mg)
	case f.key == "":
		c.Printf("The given SavedModel MetaGraphDef contains SignatureDefs with the following keys:\n")
		for _, key := range signatureKeys(mg) {
			c.Printf("SignatureDef key: %q\n", key)
		}
	case mg.SignatureDef[f.key] == nil:
		return fmt.Errorf("no signature %q; the graph has %s", f.key, strings.Join(signatureKeys(mg), ", "))
	default:
		c.showSignature(mg.SignatureDef[f.key], "")
	}
	return nil
}

// byTags returns the graphs in the order in which saved_model_cli shows them.
func byTags(sm *graphdef.SavedModel) []*graphdef.MetaGraphDef {
	return slices.SortedStableFunc(slices.Values(sm.MetaGraphs), func(a, b *graphdef.MetaGraphDef) int {
		return slices.Compare(a.GetMetaInfoDef().GetTags(), b.GetMetaInfoDef().GetTags())
	})
}

// tagList returns the tags of a graph as Python prints a list of them.
func tagList(mg *graphdef.MetaGraphDef) string {
	tags := append([]string(nil), mg.GetMetaInfoDef().GetTags()...)
	for i, t := range tags {
		tags[i] = "'" + ui.Clean(t) + "'"
	}
	return strings.Join(tags, ", ")
}

func signatureKeys(mg *graphdef.MetaGraphDef) []string {
	return slices.Sorted(maps.Keys(mg.SignatureDef))
}

func (c *command) printMetaGraph(mg *graphdef.MetaGraphDef) {
	tags := mg.GetMetaInfoDef().GetTags()
	c.Printf("\nMetaGraphDef with tag-set: '%s' contains the following SignatureDefs:\n", ui.Clean(strings.Join(tags, ", ")))
	for _, key := range signatureKeys(mg) {
		c.Printf("\nsignature_def['%s']:\n", ui.Clean(key))
		c.showSignature(mg.SignatureDef[key], "  ")
	}
}

func (c *command) showSignature(s *graphdef.SignatureDef, indent string) {
	for _, side := range []struct {
		title, name string
		m           map[string]*graphdef.TensorInfo
	}{{"input(s)", "inputs", s.Inputs}, {"output(s)", "outputs", s.Outputs}} {
		c.Printf("%sThe given SavedModel SignatureDef contains the following %s:\n", indent, side.title)
		for _, n := range slices.Sorted(maps.Keys(side.m)) {
			c.Printf("%s  %s['%s'] tensor_info:\n", indent, side.name, ui.Clean(n))
			c.showTensorInfo(side.m[n], indent+"      ")
		}
	}
	c.Printf("%sMethod name is: %s\n", indent, ui.Clean(s.MethodName))
}

func (c *command) showTensorInfo(t *graphdef.TensorInfo, indent string) {
	c.Printf("%sdtype: %s\n", indent, dtype.Constant(t.Dtype))
	shape := "unknown_rank"
	if s := t.TensorShape; !s.GetUnknownRank() {
		dims := make([]string, len(s.GetDim()))
		for i, d := range s.GetDim() {
			dims[i] = fmt.Sprint(d.Size)
		}
		shape = "(" + strings.Join(dims, ", ") + ")"
	}
	c.Printf("%sshape: %s\n", indent, shape)
	if sparse := t.GetCooSparse(); sparse != nil {
		c.Printf("%sname: %s (values), %s (indices), %s (dense shape)\n", indent,
			ui.Clean(sparse.ValuesTensorName), ui.Clean(sparse.IndicesTensorName), ui.Clean(sparse.DenseShapeTensorName))
		return
	}
	c.Printf("%sname: %s\n", indent, ui.Clean(t.GetName()))
}

func (c *command) showOps(mg *graphdef.MetaGraphDef) {
	c.Printf("The MetaGraph with tag set [%s] contains the following ops: %s\n", tagList(mg), pythonSet(opdef.Used(mg.GraphDef)))
}

// pythonSet returns names, in their order, as Python prints a set of them.
func pythonSet(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "'" + ui.Clean(n) + "'"
	}
	return "{" + strings.Join(quoted, ", ") + "}"
}

func (c *command) savedModelScan() *cobra.Command {
	var tags, deny string
	var asJSON bool
	var limits *check.Limits
	cmd := &cobra.Command{
		Use:   "scan DIR",
		Short: "Find operations that a careful server would not run",
		Long: `Find operations that read or write files or print, or those of --op_denylist, in all
graphs and functions, as "saved_model_cli scan" does.

Without --op_denylist, it then follows what a model runs when it is imported, restored,
initialized and called, and lists what tfkeep refuses: operations that may reach files or
other machines, wait without end, or end the process, and operations that nobody has
reviewed. The exit code is 1 if anything is found.`,
		Example: `  tfkeep savedmodel scan downloaded/`,
		Args:    needs(1, 1, "DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			sm, err := graphdef.ReadSavedModel(args[0])
			if err != nil {
				return err
			}
			if tags != "" {
				mg, err := findGraph(args[0], sm, tags)
				if err != nil {
					return err
				}
				sm.MetaGraphs = []*graphdef.MetaGraphDef{mg}
			}
			denied := offline.DefaultDenylist()
			if deny != "" {
				denied = cli.SplitList(deny)
			}
			found := offline.Scan(sm, denied)
			var refused []offline.Refusal
			if deny == "" {
				if refused, err = offline.Refused(sm, &safety.ImportOptions{Limits: limits}); err != nil {
					return err
				}
			}
			if asJSON {
				if err := c.printScanJSON(found, refused); err != nil {
					return err
				}
			} else {
				c.printScan(sm, denied, found)
				c.printRefused(refused)
			}
			if len(found) > 0 || len(refused) > 0 {
				return cli.ErrBadNews
			}
			return nil
		},
	}
	tagsFlag(cmd, &tags, "only the graph with exactly these `TAGS`, separated by commas")
	cli.LimitsFlag(cmd.Flags(), &limits)
	cmd.Flags().StringVar(&deny, "op_denylist", "", "the `OPS` to find, separated by commas; default: ReadFile,WriteFile,PrintV2")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list")
	return cmd
}

// printScanJSON prints the operations of the denylist, and then what is refused, which has
// a stage and a reason.
func (c *command) printScanJSON(found []offline.Finding, refused []offline.Refusal) error {
	type finding struct {
		Tags     []string `json:"tags"`
		Function string   `json:"function,omitempty"`
		Node     string   `json:"node"`
		Op       string   `json:"op"`
		Stage    string   `json:"stage,omitempty"`
		Reason   string   `json:"reason,omitempty"`
	}
	all := []finding{}
	for _, f := range found {
		all = append(all, finding{append([]string{}, f.Tags...), f.Function, f.Node, f.Op, "", ""})
	}
	for _, f := range refused {
		all = append(all, finding{append([]string{}, f.Tags...), f.Function, f.Node, f.Op, f.Stage, f.Reason})
	}
	return json.NewEncoder(c.Out).Encode(all)
}

// printRefused prints what loading and calling a model would run and should not.
func (c *command) printRefused(refused []offline.Refusal) {
	for _, f := range refused {
		tags := "'" + ui.Clean(strings.Join(f.Tags, "', '")) + "'"
		c.Printf("MetaGraph with tag set [%s], %s: %s\n", tags, ui.Clean(f.Stage), c.Paint(ui.Red, ui.Clean(f.String())))
	}
}

func (c *command) printScan(sm *graphdef.SavedModel, denied []string, found []offline.Finding) {
	for _, mg := range sm.MetaGraphs {
		ops := map[string]bool{}
		var here []offline.Finding
		for _, f := range found {
			if strings.Join(f.Tags, ",") == strings.Join(mg.GetMetaInfoDef().GetTags(), ",") {
				ops[f.Op] = true
				here = append(here, f)
			}
		}
		if len(here) == 0 {
			c.Printf("MetaGraph with tag set [%s] does not contain the default denylisted ops: %s\n", tagList(mg), pythonSet(denied))
			continue
		}
		names := slices.Sorted(maps.Keys(ops))
		c.Printf("MetaGraph with tag set [%s] contains the following denylisted ops: %s\n", tagList(mg), c.Paint(ui.Red, pythonSet(names)))
		for _, f := range here {
			where := ""
			if f.Function != "" {
				where = " in function " + ui.Clean(f.Function)
			}
			c.Printf("  %s (%s)%s\n", ui.Clean(f.Node), ui.Clean(f.Op), where)
		}
	}
}

func (c *command) savedModelDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare the graphs and signatures of two SavedModels",
		Long: `Compare the graphs, signatures and collections of two SavedModels. The exit code is 1
if anything differs. "tfkeep diff A B" compares their variables.`,
		Example: `  tfkeep savedmodel diff export/1 export/2`,
		Args:    needs(2, 2, "A B"),
		RunE: func(_ *cobra.Command, args []string) error {
			a, err := graphdef.ReadSavedModel(args[0])
			if err != nil {
				return err
			}
			b, err := graphdef.ReadSavedModel(args[1])
			if err != nil {
				return err
			}
			found := offline.Diff(a, b)
			for _, d := range found {
				where := ""
				if d.Tags != "" {
					where = ui.Clean(d.Tags) + " "
				}
				c.Printf("%s%s\n", where, ui.Clean(d.What))
				if d.A != "" {
					c.Printf("  %s\n", c.Paint(ui.Red, "- "+ui.Clean(d.A)))
				}
				if d.B != "" {
					c.Printf("  %s\n", c.Paint(ui.Green, "+ "+ui.Clean(d.B)))
				}
			}
			if len(found) > 0 {
				return cli.ErrBadNews
			}
			return nil
		},
	}
	return cmd
}
