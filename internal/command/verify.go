package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/cli"
	"github.com/tfkeep/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/verify"
)

func (c *command) verify() *cobra.Command {
	var asJSON, strict, quiet bool
	cmd := &cobra.Command{
		Use:   "verify PATH…",
		Short: "Check checkpoints, SavedModels and graphs for damage",
		Long: `Read checkpoints, directories of checkpoints, SavedModels and graph files, check every
checksum and every reference, and report all faults.

In a directory, each checkpoint, its meta graph, the state file and the remains of
unfinished saves are checked. In a SavedModel, the graphs, signatures, assets and
variables are checked. A meta graph is also compared with its checkpoint, which must
have everything that the graph's saver restores.

The exit code is 1 if anything is damaged or missing. What does no harm is marked
"note", and counts only with --strict.`,
		Example: `  tfkeep verify train/
  tfkeep verify train/model-1000 export/1
  tfkeep verify --json train/ | jq 'select(.ok|not)'`,
		Args: needs(1, -1, "PATH…"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t := tally{c: c, strict: strict, quiet: quiet}
			out := newLines(c.Out)
			for _, path := range args {
				progress := c.NewProgress("verifying", sizeOf(path), ui.Size)
				err := verify.Path(cmd.Context(), path, &verify.Options{Progress: progress.Add}, func(i *verify.Item) error {
					t.count(i)
					if asJSON {
						return out.write(itemJSON(i))
					}
					progress.Clear()
					t.print(i)
					return nil
				})
				progress.Done()
				if err := t.failed(err); err != nil {
					out.flush()
					return err
				}
			}
			if err := out.flush(); err != nil {
				return err
			}
			if !asJSON {
				t.summary()
			}
			if t.bad > 0 {
				return cli.ErrBadNews
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "count notes as faults")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only items with faults")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line: path, kind, ok, faults")
	return cmd
}

// sizeOf estimates the bytes that verifying a path will read, for the progress
// bar: the data files of the checkpoint or the directory.
func sizeOf(path string) int64 {
	var total int64
	for _, pattern := range []string{path + ".data-*", filepath.Join(path, "*.data-*"), filepath.Join(path, "variables", "*.data-*")} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if st, err := os.Stat(f); err == nil {
				total += st.Size()
			}
		}
	}
	return total
}

// tally prints items and counts what was found.
type tally struct {
	c             *command
	strict, quiet bool

	items, bad, faults, notes int64
	tensors, bytes            int64
}

// failed lets the next path be looked at after one that is not there.
func (t *tally) failed(err error) error {
	if !errors.Is(err, verify.ErrNothing) {
		return err
	}
	t.bad++
	t.items++
	t.c.Error("tfkeep:", err)
	return nil
}

func (t *tally) count(i *verify.Item) {
	t.items++
	t.tensors += int64(i.Tensors)
	t.bytes += i.Bytes
	if !i.OK() || t.strict && len(i.Faults) > 0 {
		t.bad++
	}
	for _, f := range i.Faults {
		if f.Harmless {
			t.notes++
		} else {
			t.faults++
		}
	}
}

func (t *tally) print(i *verify.Item) {
	c := t.c
	verdict := c.Paint(ui.Green, "ok  ")
	switch {
	case !i.OK():
		verdict = c.Paint(ui.Red, "BAD ")
	case len(i.Faults) > 0:
		verdict = c.Paint(ui.Amber, "note")
	case t.quiet:
		return
	}
	if i.Kind == verify.Leftover {
		c.Printf("%s  %s  %s\n", verdict, ui.Name(i.Path), c.Paint(ui.Dim, ui.Clean(faultText(i.Faults[0]))))
		return
	}
	c.Printf("%s  %s  %s\n", verdict, ui.Name(i.Path), c.Paint(ui.Dim, describe(i)))
	const most = 100
	for n, f := range i.Faults {
		if n == most {
			c.Printf("        … and %s more; --json has them all\n", ui.Count(int64(len(i.Faults)-most)))
			break
		}
		mark, style := "fault", ui.Red
		if f.Harmless {
			mark, style = "note ", ui.Amber
		}
		c.Printf("      %s %s\n", c.Paint(style, mark), ui.Clean(faultText(f)))
	}
}

// faultText returns what is wrong first and where at the end, without the path that the
// line above has.
func faultText(f checkpoint.Fault) string {
	e, ok := errors.AsType[*tfkeep.Error](f.Err)
	if !ok || e.Error() != f.Err.Error() {
		return f.Err.Error()
	}
	text := strings.TrimPrefix(e.Detail, fmt.Sprintf("offset %d: ", f.Offset))
	switch {
	case e.Cause != nil && e.Err == nil:
		text = strings.TrimSuffix(e.Cause.Error()+": "+text, ": ")
	case text == "" || !errors.Is(e.Err, tfkeep.ErrCorrupt):
		text = strings.TrimSuffix(e.Err.Error()+": "+text, ": ")
	}
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

func describe(i *verify.Item) string {
	switch i.Kind {
	case verify.Checkpoint:
		return fmt.Sprintf("%s checkpoint, %s, %s", i.Version, ui.Plural(int64(i.Tensors), "tensor"), ui.Size(i.Bytes))
	case verify.MetaGraph, verify.Graph, verify.SavedModel:
		return fmt.Sprintf("%s, %s", i.Kind, ui.Plural(int64(i.Nodes), "node"))
	}
	return string(i.Kind)
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
	default:
		text += ": all good"
	}
	if t.notes > 0 {
		text += ", " + ui.Plural(t.notes, "note")
	}
	t.c.Printf("%s\n", t.c.Paint(style, text))
}

type itemLine struct {
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

func itemJSON(i *verify.Item) itemLine {
	line := itemLine{Path: i.Path, Kind: string(i.Kind), OK: i.OK(), Tensors: i.Tensors, Bytes: i.Bytes, Nodes: i.Nodes, Faults: []faultJSON{}}
	if i.Version != 0 {
		line.Version = i.Version.String()
	}
	for _, f := range i.Faults {
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
