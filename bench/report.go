package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report writes the outcomes as a table.
func report(w io.Writer, outcomes []Outcome) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "pair\ttfkeep\tPython\tratio\tgoal\tmemory\tratio\tgoal\t")
	for _, o := range outcomes {
		memory, memoryRatio := "", ""
		if o.compared() {
			memory = fmt.Sprintf("%d of %d MB", o.TFKeep.Memory>>20, o.Python.Memory>>20)
			memoryRatio = fmt.Sprintf("%.2f", o.MemoryRatio())
		}
		verdict := ""
		if o.Missed() {
			verdict = "goal missed"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%s\t%s\t%s\t%s\t%s\n", o.Pair.Name, rounded(o.TFKeep.Time), rounded(o.Python.Time),
			o.Ratio(), timeGoal(o.Pair), memory, memoryRatio, goal(o.Pair.MemoryGoal), verdict)
	}
	return t.Flush()
}

func timeGoal(p Pair) string {
	if p.Adds > 0 {
		return fmt.Sprintf("≤ + %s", p.Adds)
	}
	return goal(p.Goal)
}

func goal(g float64) string {
	if g == 0 {
		return ""
	}
	return fmt.Sprintf("≤ %.2f", g)
}

// rounded returns the duration with three significant digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
