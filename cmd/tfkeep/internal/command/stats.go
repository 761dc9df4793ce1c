package command

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/checkpoint/stats"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/dtype"
)

func (c *command) stats() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "stats CKPT [NAME…]",
		Short: "Summarize the values of each tensor",
		Long: `Summarize the values of each tensor: minimum, maximum, mean, standard deviation, the
share of zeros, and a histogram from the minimum to the maximum. NaNs and infinities
are counted separately and shown in red. Complex numbers are summarized by their
magnitude, strings by their length. Every byte is read and its checksum verified.

Each NAME selects tensors; * in it stands for anything, including /.`,
		Example: `  tfkeep stats train/
  tfkeep stats train/model-1000 'hidden/*'
  tfkeep stats --json train/ | jq -r 'select(.nan>0).name'`,
		Args: needs(1, -1, "CKPT [NAME…]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := dir.Open(cmd.Context(), args[0], nil)
			if err != nil {
				return err
			}
			defer r.Close()
			tensors, err := selectTensors(r, args[1:])
			if err != nil {
				return err
			}
			if asJSON {
				out := newLines(c.Out)
				err := c.summarize(cmd.Context(), r, tensors, func(s *stats.Summary) error { return out.write(summaryJSON(s)) })
				return errors.Join(err, out.flush())
			}
			var all []*stats.Summary
			err = c.summarize(cmd.Context(), r, tensors, func(s *stats.Summary) error {
				all = append(all, s)
				return nil
			})
			if len(all) > 0 && cmd.Context().Err() == nil { // print what was read before the damage
				err = errors.Join(c.statsTable(all), err)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

// summarize calls show with the summary of each tensor.
func (c *command) summarize(ctx context.Context, r *checkpoint.Reader, tensors []checkpoint.TensorInfo, show func(*stats.Summary) error) error {
	names, total, done := []string{}, int64(0), int64(0)
	for _, t := range tensors {
		if e, ok := errors.AsType[*tfkeep.Error](t.Fault); ok {
			c.Note("left out %s: %s", ui.Name(t.Name), faultReason(e, -1))
			continue
		}
		if t.DType == dtype.Variant {
			c.Note("left out %s: a variant, such as the state of an iterator, has no numbers", ui.Name(t.Name))
			continue
		}
		names = append(names, t.Name)
		total += t.Bytes
	}
	progress := c.NewProgress("reading", ui.Size)
	defer progress.Done()
	for s, err := range stats.Summarize(ctx, r, &stats.Options{Names: names}) {
		if err != nil {
			return err
		}
		done += s.Tensor.Bytes
		progress.Set(done, total)
		if err := show(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) statsTable(all []*stats.Summary) error {
	table := c.NewTable("NAME", "DTYPE", "SHAPE", ">MIN", ">MAX", ">MEAN", ">STD", ">ZERO", ">NAN", ">INF", "HISTOGRAM")
	var nans, infs, bad int64
	for _, s := range all {
		inf := s.PosInf + s.NegInf
		nans += s.NaN
		infs += inf
		if s.NaN+inf > 0 {
			bad++
		}
		kind := dtype.Name(s.Tensor.DType)
		if s.Measure == stats.Magnitude {
			kind = "|" + kind + "|"
		} else if s.Measure == stats.Length {
			kind = "len " + kind
		}
		table.Row(ui.Name(s.Tensor.Name), ui.Styled{Style: ui.Cyan, Text: kind}, shapeText(s.Tensor.Shape),
			short(s.Min), short(s.Max), short(s.Mean), short(s.Std), percent(s.Zeros, s.Elements),
			alarming(s.NaN), alarming(inf), ui.Styled{Style: ui.Green, Text: bars(s.Histogram)})
	}
	if err := table.Print(); err != nil {
		return err
	}
	if bad > 0 {
		c.Printf("%s\n", c.Paint(ui.Red, fmt.Sprintf("%s with %s and %s",
			ui.Plural(bad, "tensor"), ui.Plural(nans, "NaN"), ui.Plural(infs, "infinite value"))))
	}
	return nil
}

// short returns a number with four significant digits, or a whole number with up to eight.
func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case v == math.Trunc(v) && math.Abs(v) < 1e8:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func percent(part, all int64) string {
	switch {
	case part == 0:
		return "0%"
	case part == all:
		return "100%"
	}
	p := 100 * float64(part) / float64(all)
	switch {
	case p < 0.1:
		return "<0.1%"
	case p > 99.9:
		return ">99.9%"
	}
	return fmt.Sprintf("%.1f%%", p)
}

func alarming(n int64) ui.Styled {
	if n == 0 {
		return ui.Styled{Style: ui.Dim, Text: "0"}
	}
	return ui.Styled{Style: ui.Red, Text: ui.Count(n)}
}

// bars draws a histogram with one character per interval. An interval without values is a
// blank, and the lowest bar has at least one value.
func bars(counts []int64) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	most := int64(0)
	for _, n := range counts {
		most = max(most, n)
	}
	var b strings.Builder
	for _, n := range counts {
		if n == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(levels[int(float64(len(levels)-1)*float64(n)/float64(most)+0.5)])
	}
	return strings.TrimRight(b.String(), " ")
}

type statsJSON struct {
	Name      string  `json:"name"`
	DType     string  `json:"dtype"`
	Shape     []int64 `json:"shape"`
	Measure   string  `json:"measure"`
	Elements  int64   `json:"elements"`
	Zeros     int64   `json:"zeros"`
	NaN       int64   `json:"nan"`
	PosInf    int64   `json:"pos_inf"`
	NegInf    int64   `json:"neg_inf"`
	Min       *number `json:"min"` // null: no finite value
	Max       *number `json:"max"`
	Mean      *number `json:"mean"`
	Std       *number `json:"std"`
	Histogram []int64 `json:"histogram"`
}

func summaryJSON(s *stats.Summary) statsJSON {
	j := statsJSON{
		Name: s.Tensor.Name, DType: dtype.Name(s.Tensor.DType), Shape: append([]int64{}, s.Tensor.Shape...),
		Measure: string(s.Measure), Elements: s.Elements, Zeros: s.Zeros, NaN: s.NaN, PosInf: s.PosInf, NegInf: s.NegInf,
		Histogram: append([]int64{}, s.Histogram...),
	}
	if s.Finite() > 0 {
		values := [4]number{number(s.Min), number(s.Max), number(s.Mean), number(s.Std)}
		j.Min, j.Max, j.Mean, j.Std = &values[0], &values[1], &values[2], &values[3]
	}
	return j
}
