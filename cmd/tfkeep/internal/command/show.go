package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/summary"
	"github.com/tfkeep/tfkeep/graphdef/tensorboard"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

func (c *command) show() *cobra.Command {
	var (
		asJSON, all bool
		logDir      string
	)
	cmd := &cobra.Command{
		Use:   "show PATH",
		Short: "Summarize a graph, a meta graph, a SavedModel or a checkpoint",
		Long: `Summarize any of TensorFlow's files: a GraphDef, a .meta file or a SavedModel (its
directory or its .pb), in text or binary, or a checkpoint.

Of a SavedModel of TensorFlow 2, it shows the Python objects that have variables or
functions as a tree, each under the shortest of its names, with the types and shapes
that a function takes and returns; --all shows all objects. "tfkeep objects" shows those
of a checkpoint, and under which keys it has their values.`,
		Example: `  tfkeep show train/model-1000.meta
  tfkeep show export/1
  tfkeep show --json frozen.pb | jq .graph.ops
  tfkeep show --tensorboard logs model.meta && tensorboard --logdir logs`,
		Args: needs(1, 1, "PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := graphdef.Read(args[0])
			if err != nil && isCheckpoint(cmd.Context(), args[0], err) {
				if logDir != "" {
					return cli.Usagef("%s is a checkpoint, which has no graph; name its .meta file", args[0])
				}
				return c.listTensors(cmd.Context(), args[0], nil, asJSON)
			}
			if err != nil {
				return withoutCheckpoint(cmd.Context(), args[0], err)
			}
			if logDir != "" {
				return c.toTensorBoard(args[0], m, logDir)
			}
			s := summary.Of(m, nil)
			if asJSON {
				enc := json.NewEncoder(c.Out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(s)
			}
			return c.showSummary(args[0], s, all)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object; for a checkpoint, one per line")
	cmd.Flags().BoolVar(&all, "all", false, "do not shorten long lists")
	cmd.Flags().StringVar(&logDir, "tensorboard", "", "write the graph into this log `DIR` for TensorBoard, and print the file's name")
	return cmd
}

// isCheckpoint reports whether a path that cannot be read as a graph, because of err, is a
// checkpoint. A damaged SavedModel is not, although its variables are.
func isCheckpoint(ctx context.Context, path string, err error) bool {
	fi, statErr := os.Stat(path)
	if !errors.Is(err, tfkeep.ErrNotFound) && (statErr != nil || fi.IsDir()) {
		return false
	}
	r, err := dir.Open(ctx, path, nil)
	if err != nil {
		return false
	}
	return r.Close() == nil
}

// withoutCheckpoint returns the error about a folder without a model: if its state file names
// a checkpoint that is gone, the one that says so.
func withoutCheckpoint(ctx context.Context, path string, err error) error {
	if _, statErr := os.Stat(filepath.Join(path, dir.DefaultLatestFilename)); statErr != nil || !errors.Is(err, tfkeep.ErrNotFound) {
		return err
	}
	r, openErr := dir.Open(ctx, path, nil)
	if openErr != nil {
		return openErr
	}
	return errors.Join(err, r.Close())
}

func (c *command) toTensorBoard(path string, m proto.Message, logDir string) error {
	g, err := onlyGraph(path, m)
	if err != nil {
		return err
	}
	file, err := tensorboard.WriteGraph(logDir, g)
	if err != nil {
		return err
	}
	c.Printf("%s\n", ui.Name(file))
	return nil
}

// shown is the number of items of a list that are printed without --all.
const shown = 12

// listLimit returns how many items of a list are printed.
func listLimit(all bool) int {
	if all {
		return math.MaxInt
	}
	return shown
}

func (c *command) showSummary(path string, s *summary.Summary, all bool) error {
	limit := listLimit(all)
	c.Printf("%s  %s\n", c.Paint(ui.Bold, ui.Name(path)), s.Kind)
	if s.Graph != nil {
		c.showEnds(s.Graph, limit)
		c.showGraph(s.Graph, limit)
		return nil
	}
	for i := range s.MetaGraphs {
		if err := c.showMetaGraph(&s.MetaGraphs[i], all); err != nil {
			return err
		}
	}
	return nil
}

// showMetaGraph prints what a reader looks for first: tags, signatures, inputs, outputs and
// variables. What the graph is made of follows.
func (c *command) showMetaGraph(m *summary.MetaGraph, all bool) error {
	limit := listLimit(all)
	if len(m.Tags) > 0 {
		c.field("tags", strings.Join(m.Tags, ", "))
	}
	if err := c.showSignatures(m.Signatures); err != nil {
		return err
	}
	if err := c.showObjects(m, all); err != nil {
		return err
	}
	c.showEnds(m.Graph, limit)
	if len(m.Variables) > 0 {
		c.field("variables", fmt.Sprintf("%s, %s", ui.Plural(int64(len(m.Variables)), "variable"), ui.Plural(m.Parameters, "parameter")))
	}
	if m.TensorFlowVersion != "" {
		c.field("written by", "TensorFlow "+m.TensorFlowVersion)
	}
	c.showGraph(m.Graph, limit)
	if m.Saver != nil {
		sharded := ""
		if m.Saver.Sharded {
			sharded = ", sharded"
		}
		c.field("saver", fmt.Sprintf("%s, keeps %d%s (%s, %s)", m.Saver.Version, m.Saver.MaxToKeep, sharded, m.Saver.SaveTensor, m.Saver.RestoreOp))
	}
	var parts []string
	for _, col := range m.Collections {
		parts = append(parts, fmt.Sprintf("%s %d", col.Key, col.Items))
	}
	c.list("collections", parts, limit)
	c.list("assets", m.Assets, limit)
	return c.showVariables(m.Variables, limit)
}

func (c *command) showVariables(variables []summary.Variable, limit int) error {
	if len(variables) == 0 {
		return nil
	}
	table := c.NewTable("NAME", "DTYPE", "SHAPE", "")
	for i, v := range variables {
		if i == limit {
			break
		}
		note := "trainable"
		if !v.Trainable {
			note = ""
		}
		table.Row(ui.Name(v.Name), ui.Styled{Style: ui.Cyan, Text: typeText(v.DType)}, nodedef.ShapeText(v.Shape), note)
	}
	if err := table.Print(); err != nil {
		return err
	}
	c.more(len(variables), limit)
	return nil
}

// showEnds prints the inputs of a graph, and the nodes that are likely to be its outputs.
func (c *command) showEnds(g *summary.Graph, limit int) {
	c.list("inputs", tensorTexts(g.Inputs), limit)
	c.list("outputs", tensorTexts(g.Outputs), limit)
}

func (c *command) showGraph(g *summary.Graph, limit int) {
	about := ui.Plural(int64(g.Nodes), "node")
	if len(g.Functions) > 0 {
		about += ", " + ui.Plural(int64(len(g.Functions)), "function")
	}
	if g.Frozen {
		about += ", no variables"
	}
	c.field("graph", fmt.Sprintf("%s, version %d", about, g.Producer))
	c.list("ops", counted(g.Ops), limit)
	c.list("devices", counted(g.Devices), limit)
	c.list("functions", g.Functions, limit)
}

func (c *command) showSignatures(signatures []summary.Signature) error {
	for _, s := range signatures {
		c.field("signature", fmt.Sprintf("%s (%s)", ui.Name(s.Key), ui.Name(s.Method)))
		table := c.NewTable("", "KEY", "TENSOR", "DTYPE", "SHAPE")
		for _, side := range []struct {
			name    string
			tensors []summary.Tensor
		}{{"in", s.Inputs}, {"out", s.Outputs}} {
			for _, t := range side.tensors {
				table.Row(side.name, ui.Name(t.Op), ui.Name(t.Name+partsText(t.Parts)), ui.Styled{Style: ui.Cyan, Text: typeText(t.DType)}, nodedef.ShapeText(t.Shape))
			}
		}
		if err := table.Print(); err != nil {
			return err
		}
	}
	return nil
}

// partsText names the tensors of a sparse or composite value.
func partsText(parts []string) string {
	if len(parts) == 3 {
		return fmt.Sprintf("%s (values), %s (indices), %s (dense shape)", parts[0], parts[1], parts[2])
	}
	return strings.Join(parts, ", ")
}

// field prints a value under its name, on as many lines as it takes at the terminal's width.
func (c *command) field(name, value string) {
	const indent = 13 // the name and two spaces
	lines := ui.Wrap(ui.Clean(value), c.Width(0)-indent)
	c.Printf("%s  %s\n", c.Paint(ui.Dim, fmt.Sprintf("%-11s", name)), strings.Join(lines, "\n"+strings.Repeat(" ", indent)))
}

func (c *command) list(name string, items []string, limit int) {
	if len(items) == 0 {
		return
	}
	c.field(name, first(items, limit, " (--all)"))
}

// first returns the first items of a list, and how many more there are, with a hint.
func first(items []string, limit int, hint string) string {
	if len(items) <= limit {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s, and %d more%s", strings.Join(items[:limit], ", "), len(items)-limit, hint)
}

func (c *command) more(n, limit int) {
	if n > limit {
		c.Printf("%s\n", c.Paint(ui.Dim, fmt.Sprintf("and %d more (--all)", n-limit)))
	}
}

func counted(counts []summary.Count) []string {
	var items []string
	for _, n := range counts {
		items = append(items, fmt.Sprintf("%s %d", n.Name, n.Count))
	}
	return items
}

func tensorTexts(tensors []summary.Tensor) []string {
	var items []string
	for _, t := range tensors {
		text := t.Name
		if t.DType != "" {
			text += " " + typeText(t.DType)
			if t.Shape != nil {
				text += " " + nodedef.ShapeText(t.Shape)
			}
		}
		items = append(items, text)
	}
	return items
}

// typeText returns the name that Python has for a DataType: float32 for DT_FLOAT, and "?"
// for DT_INVALID, which signatures of 2016 have.
func typeText(constant string) string {
	if dt, ok := dtype.Parse(constant); ok {
		return dtype.Name(dt)
	}
	return "?"
}
