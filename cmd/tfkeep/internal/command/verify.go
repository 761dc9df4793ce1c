package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/verify"
)

func (c *command) verify() *cobra.Command {
	var asJSON, strict, quiet bool
	var limits *check.Limits
	cmd := &cobra.Command{
		Use:   "verify PATH…",
		Short: "Check checkpoints, SavedModels and graphs for damage",
		Long: `Read checkpoints, directories of checkpoints, SavedModels and graph files, check every
checksum and every reference, and report all faults.

A state file stands for the checkpoints that it names. In a directory, each checkpoint, its meta graph, the state file and the remains of
unfinished saves are checked. In a SavedModel, the graphs, signatures, assets and
variables are checked. A meta graph is also compared with its checkpoint, which must
have everything that the graph's saver restores. Whether shapes, and the
types behind handles, fit each other is found only when TensorFlow imports the graph.

The exit code is 1 if anything is damaged or missing. What does no harm is marked
"note". With --strict, it is a fault like any other.`,
		Example: `  tfkeep verify train/
  tfkeep verify train/model-1000 export/1
  tfkeep verify --json train/ | jq 'select(.ok|not)'`,
		Args: needs(1, -1, "PATH…"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t := tally{c: c, strict: strict, quiet: quiet, limits: limits}
			out := newLines(c.Out)
			for _, path := range args {
				report := t.print
				if asJSON {
					report = func(r *verify.Report) error { return out.write(reportJSON(r, !t.isBad(r))) }
				}
				if err := t.verify(cmd.Context(), path, report); err != nil {
					return errors.Join(err, out.flush())
				}
			}
			if err := out.flush(); err != nil {
				return err
			}
			if !asJSON {
				t.summary()
			}
			if t.bad+t.missing > 0 {
				return cli.ErrBadNews
			}
			return nil
		},
	}
	cli.LimitsFlag(cmd.Flags(), &limits)
	cmd.Flags().BoolVar(&strict, "strict", false, "take notes for faults")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only items with faults")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line: path, kind, ok, faults")
	return cmd
}

// tally prints items and counts what was found.
type tally struct {
	c             *command
	strict, quiet bool
	limits        *check.Limits

	items, missing, bad, faults, notes int64
	tensors, bytes                     int64
}

// verify checks one path, and counts and prints its reports.
func (t *tally) verify(ctx context.Context, path string, report func(*verify.Report) error) error {
	progress := t.c.NewProgress("verifying", ui.Size)
	defer progress.Done()
	for r, err := range verify.Path(ctx, path, &verify.Options{Progress: progress.Set, Limits: t.limits}) {
		if err != nil {
			return t.noteMissing(err)
		}
		t.count(r)
		progress.Clear()
		if err := report(r); err != nil {
			return err
		}
	}
	return nil
}

// noteMissing counts and prints a path that has nothing to verify, and returns any other error.
func (t *tally) noteMissing(err error) error {
	if !errors.Is(err, tfkeep.ErrNotFound) {
		return err
	}
	t.missing++
	t.c.Error("tfkeep:", err)
	return nil
}

// isBad reports whether something is wrong with an item.
func (t *tally) isBad(r *verify.Report) bool { return !r.OK() || t.strict && len(r.Faults) > 0 }

func (t *tally) count(r *verify.Report) {
	t.items++
	t.tensors += int64(r.Tensors)
	t.bytes += r.Bytes
	if t.isBad(r) {
		t.bad++
	}
	for _, f := range r.Faults {
		if f.Harmless && !t.strict {
			t.notes++
		} else {
			t.faults++
		}
	}
}

func (t *tally) print(r *verify.Report) error {
	c := t.c
	verdict := c.Paint(ui.Green, "ok  ")
	switch {
	case t.isBad(r):
		verdict = c.Paint(ui.Red, "BAD ")
	case len(r.Faults) > 0:
		verdict = c.Paint(ui.Amber, "note")
	case t.quiet:
		return nil
	}
	if r.Kind == verify.Leftover {
		c.Printf("%s  %s  %s\n", verdict, ui.Name(r.Path), c.Paint(ui.Dim, indented(faultText(r.Faults[0]))))
		return nil
	}
	c.Printf("%s  %s  %s\n", verdict, ui.Name(r.Path), c.Paint(ui.Dim, describe(r)))
	const most = 100
	for n, f := range r.Faults {
		if n == most {
			c.Printf("        … and %s more; --json has them all\n", ui.Count(int64(len(r.Faults)-most)))
			break
		}
		mark, style := "fault", ui.Red
		if f.Harmless && !t.strict {
			mark, style = "note ", ui.Amber
		}
		c.Printf("      %s %s\n", c.Paint(style, mark), indented(faultText(f)))
	}
	return nil
}

// indented returns a text whose further lines are not like those that verify begins: they may
// come from the name of a file.
func indented(text string) string { return strings.ReplaceAll(ui.Clean(text), "\n", "\n            ") }

// faultText returns what is wrong and then where, without the folder, which the line above
// has.
func faultText(f checkpoint.Fault) string {
	e, ok := errors.AsType[*tfkeep.Error](f.Err)
	if !ok || e.Error() != f.Err.Error() {
		return f.Err.Error()
	}
	text := faultReason(e, f.Offset)
	if e.Name != "" {
		text = fmt.Sprintf("%s %q: %s", e.Item, e.Name, text)
	}
	switch {
	case e.Path != "" && f.Offset >= 0:
		text += fmt.Sprintf(" (%s, byte %d)", filepath.Base(e.Path), f.Offset)
	case e.Path != "":
		text += fmt.Sprintf(" (%s)", filepath.Base(e.Path))
	}
	return text
}

// faultReason returns the kind of an error, what was found, and the error underneath, each
// where there is one. That a file is corrupt goes without saying where the rest says more.
func faultReason(e *tfkeep.Error, offset int64) string {
	var parts []string
	detail := strings.TrimPrefix(e.Detail, fmt.Sprintf("offset %d: ", offset))
	corrupt := errors.Is(e.Err, tfkeep.ErrCorrupt) && (detail != "" || e.Cause != nil)
	if e.Err != nil && !corrupt && !errors.Is(e.Cause, e.Err) {
		parts = append(parts, e.Err.Error())
	}
	if detail != "" {
		parts = append(parts, detail)
	}
	if e.Cause != nil {
		parts = append(parts, e.Cause.Error())
	}
	return strings.Join(parts, ": ")
}

func describe(r *verify.Report) string {
	switch r.Kind {
	case verify.Checkpoint:
		return fmt.Sprintf("%s checkpoint, %s, %s", r.Version, ui.Plural(int64(r.Tensors), "tensor"), ui.Size(r.Bytes))
	case verify.MetaGraph, verify.Graph, verify.SavedModel:
		return fmt.Sprintf("%s, %s", r.Kind, ui.Plural(int64(r.Nodes), "node"))
	}
	return string(r.Kind)
}

func (t *tally) summary() {
	text := ui.Plural(t.items, "item")
	if t.bytes > 0 {
		text += fmt.Sprintf(", %s of values", ui.Size(t.bytes))
	}
	style := ui.Green
	switch {
	case t.bad > 0:
		text += fmt.Sprintf(": %s bad, %s", ui.Count(t.bad), ui.Plural(t.faults, "fault"))
		style = ui.Red
	case t.items > 0:
		text += ": all good"
	}
	if t.notes > 0 {
		text += ", " + ui.Plural(t.notes, "note")
	}
	if t.missing > 0 {
		text += fmt.Sprintf(", nothing to verify at %s", ui.Plural(t.missing, "path"))
		style = ui.Red
	}
	t.c.Printf("%s\n", t.c.Paint(style, text))
}

type reportLine struct {
	Path    string      `json:"path"`
	Kind    string      `json:"kind"`
	OK      bool        `json:"ok"`
	Version string      `json:"version,omitempty"`
	Tensors int         `json:"tensors,omitempty"`
	Bytes   int64       `json:"bytes,omitempty"`
	Nodes   int         `json:"nodes,omitempty"`
	Faults  []faultJSON `json:"faults"`
}

type faultJSON struct {
	Message  string `json:"message"`
	Harmless bool   `json:"harmless"`
	File     string `json:"file,omitempty"`
	Tensor   string `json:"tensor,omitempty"`
	Offset   *int64 `json:"offset,omitempty"`
}

func reportJSON(r *verify.Report, ok bool) reportLine {
	line := reportLine{Path: r.Path, Kind: string(r.Kind), OK: ok, Tensors: r.Tensors, Bytes: r.Bytes, Nodes: r.Nodes, Faults: []faultJSON{}}
	if r.Version != 0 {
		line.Version = r.Version.String()
	}
	for _, f := range r.Faults {
		j := faultJSON{Message: f.Err.Error(), Harmless: f.Harmless}
		if e, ok := errors.AsType[*tfkeep.Error](f.Err); ok {
			j.File = e.Path
			if e.Item == "tensor" {
				j.Tensor = e.Name
			}
		}
		if f.Offset >= 0 {
			j.Offset = &f.Offset
		}
		line.Faults = append(line.Faults, j)
	}
	return line
}
