package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/diff"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
)

func (c *command) diff() *cobra.Command {
	var (
		tolerance   float64
		asJSON, all bool
	)
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two checkpoints",
		Long: `Compare two checkpoints: which tensors were added, removed, reshaped or retyped, and
by how much the values of the others changed. Formats, shards and partitions do not
matter. The exit code is 1 if anything differs.`,
		Example: `  tfkeep diff train/model-900 train/model-1000
  tfkeep diff --tol 1e-6 a/ b/
  tfkeep diff --json a/ b/ | jq 'select(.change=="reshaped")'`,
		Args: needs(2, 2, "A B"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if tolerance < 0 {
				return cli.Usagef("--tol %g is negative", tolerance)
			}
			counts, found, err := c.compare(cmd.Context(), args[0], args[1], &diff.Options{Tolerance: tolerance})
			if err != nil {
				return err
			}
			if !all {
				found = slices.DeleteFunc(found, func(d diff.Difference) bool { return d.Kind == diff.Same })
			}
			if asJSON {
				err = c.diffJSON(found)
			} else if err = c.diffTable(found); err == nil {
				c.diffSummary(counts)
			}
			delete(counts, diff.Same)
			if err == nil && len(counts) > 0 {
				return cli.ErrBadNews
			}
			return err
		},
	}
	cmd.Flags().Float64Var(&tolerance, "tol", 0, "treat numbers that differ by at most `X` as the same")
	cmd.Flags().BoolVar(&all, "all", false, "also list the tensors that are the same")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

// compare opens and compares two checkpoints. It returns every tensor, and the number of
// tensors of each kind.
func (c *command) compare(ctx context.Context, first, second string, o *diff.Options) (counts map[diff.Kind]int64, found []diff.Difference, err error) {
	a, err := dir.Open(ctx, first, nil)
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	b, err := dir.Open(ctx, second, nil)
	if err != nil {
		return nil, nil, err
	}
	defer b.Close()
	total := int64(max(len(slices.Collect(a.Tensors())), len(slices.Collect(b.Tensors()))))
	progress := c.NewProgress("comparing", ui.Count)
	defer progress.Done()
	counts = map[diff.Kind]int64{}
	for d, err := range diff.Compare(ctx, a, b, o) {
		if err != nil {
			return nil, nil, err
		}
		found = append(found, d)
		counts[d.Kind]++
		progress.Set(int64(len(found)), total)
	}
	return counts, found, nil
}

var diffStyles = map[diff.Kind]ui.Style{
	diff.Added: ui.Green, diff.Removed: ui.Red, diff.Retyped: ui.Amber, diff.Reshaped: ui.Amber, diff.Changed: ui.Cyan, diff.Same: ui.Dim,
}

func (c *command) diffTable(found []diff.Difference) error {
	if len(found) == 0 {
		return nil
	}
	headings := []string{"CHANGE", "NAME", "BEFORE", "AFTER", ">DIFFERENT", ">MAX |Δ|", ">MEAN |Δ|", ">MAX |Δ|/|A|"}
	if !slices.ContainsFunc(found, func(d diff.Difference) bool { return d.Kind == diff.Changed }) {
		headings = headings[:4]
	}
	table := c.NewTable(headings...)
	for _, d := range found {
		before, after := typeAndShape(d.Before), typeAndShape(d.After)
		if before == after {
			after = "same"
		}
		row := []any{ui.Styled{Style: diffStyles[d.Kind], Text: string(d.Kind)}, ui.Name(d.Name), before, after}
		if v := d.Values; v != nil && d.Kind == diff.Changed {
			row = append(row, percent(v.Different, v.Elements))
			if d.Before.DType != dtype.String {
				row = append(row, short(v.MaxAbs), short(v.MeanAbs), short(v.MaxRel))
			}
		}
		table.Row(row...)
	}
	return table.Print()
}

func typeAndShape(t *checkpoint.TensorInfo) string {
	if t == nil {
		return "-"
	}
	return dtype.Name(t.DType) + " " + shapeText(t.Shape)
}

func (c *command) diffSummary(counts map[diff.Kind]int64) {
	var parts []string
	for _, kind := range []diff.Kind{diff.Added, diff.Removed, diff.Retyped, diff.Reshaped, diff.Changed, diff.Same} {
		if n := counts[kind]; n > 0 || kind == diff.Same {
			parts = append(parts, fmt.Sprintf("%s %s", ui.Count(n), kind))
		}
	}
	c.Printf("%s\n", c.Paint(ui.Dim, strings.Join(parts, ", ")))
}

type diffLine struct {
	Name   string      `json:"name"`
	Change string      `json:"change"`
	Before *typeJSON   `json:"before"`
	After  *typeJSON   `json:"after"`
	Values *valuesJSON `json:"values,omitempty"`
}

type typeJSON struct {
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"`
}

type valuesJSON struct {
	Elements  int64  `json:"elements"`
	Different int64  `json:"different"`
	Near      int64  `json:"near"`
	MaxAbs    number `json:"max_abs"`
	At        int64  `json:"at"`
	MeanAbs   number `json:"mean_abs"`
	MaxRel    number `json:"max_rel"`
}

func (c *command) diffJSON(found []diff.Difference) error {
	out := newLines(c.Out)
	side := func(t *checkpoint.TensorInfo) *typeJSON {
		if t == nil {
			return nil
		}
		return &typeJSON{dtype.Name(t.DType), append([]int64{}, t.Shape...)}
	}
	for _, d := range found {
		line := diffLine{Name: d.Name, Change: string(d.Kind), Before: side(d.Before), After: side(d.After)}
		if v := d.Values; v != nil {
			line.Values = &valuesJSON{v.Elements, v.Different, v.Near, number(v.MaxAbs), v.At, number(v.MeanAbs), number(v.MaxRel)}
		}
		if err := out.write(line); err != nil {
			return err
		}
	}
	return out.flush()
}
