package main

import (
	"context"
	"slices"
	"time"
)

// Pair is one piece of work that both tfkeep and Python TensorFlow do.
type Pair struct {
	// Name is what is measured, such as "digits: a training step".
	Name string
	// Units is the number of steps, saves and so on that one Measure does; 0 means 1.
	Units int
	// Goal is the highest ratio of tfkeep's time to Python's that reaches the goal, and
	// MemoryGoal that of the peak memory. 0 means no goal.
	Goal, MemoryGoal float64
	// Adds is the longest time that tfkeep may take beyond the other side. 0 means no goal.
	Adds time.Duration
	// Warmups is the number of first rounds that do not count, because of caches and
	// TensorFlow's first run of a step; 0 means 1.
	Warmups int
	// Prepare makes the files and sessions that both sides need, and returns the sides.
	Prepare func(ctx context.Context, e *Env) (tfkeep, python Measure, err error)
}

// Measure does the work once.
type Measure func(ctx context.Context) (Sample, error)

// Sample is the cost of one Measure.
type Sample struct {
	Time   time.Duration
	Memory int64 // peak resident memory of the process in bytes; 0 if it also does other work
}

// Outcome has the medians of a pair.
type Outcome struct {
	Pair           Pair
	TFKeep, Python Sample // per unit
	Rounds         int
}

// run measures the two sides of a pair in turns.
func run(ctx context.Context, e *Env, p Pair, rounds int) (Outcome, error) {
	ours, theirs, err := p.Prepare(ctx, e)
	if err != nil {
		return Outcome{}, err
	}
	warmups := max(p.Warmups, 1)
	var a, b []Sample
	for round := range warmups + rounds {
		x, err := ours(ctx)
		if err != nil {
			return Outcome{}, err
		}
		y, err := theirs(ctx)
		if err != nil {
			return Outcome{}, err
		}
		if round >= warmups {
			a, b = append(a, x), append(b, y)
		}
	}
	units := time.Duration(max(p.Units, 1))
	out := Outcome{Pair: p, TFKeep: median(a), Python: median(b), Rounds: rounds}
	out.TFKeep.Time /= units
	out.Python.Time /= units
	return out, nil
}

// median returns the median of the times and the median of the memories.
func median(samples []Sample) Sample {
	times := make([]time.Duration, len(samples))
	memory := make([]int64, len(samples))
	for i, s := range samples {
		times[i], memory[i] = s.Time, s.Memory
	}
	slices.Sort(times)
	slices.Sort(memory)
	middle := len(samples) / 2
	return Sample{Time: times[middle], Memory: memory[middle]}
}

// Ratio returns tfkeep's time divided by Python's.
func (o Outcome) Ratio() float64 { return float64(o.TFKeep.Time) / float64(o.Python.Time) }

// MemoryRatio returns tfkeep's memory divided by Python's.
func (o Outcome) MemoryRatio() float64 { return float64(o.TFKeep.Memory) / float64(o.Python.Memory) }

// compared reports whether the memory of both sides is known.
func (o Outcome) compared() bool { return o.TFKeep.Memory > 0 && o.Python.Memory > 0 }

// Missed reports whether a goal is set and not reached.
func (o Outcome) Missed() bool {
	return o.Pair.Goal > 0 && o.Ratio() > o.Pair.Goal ||
		o.Pair.Adds > 0 && o.TFKeep.Time-o.Python.Time > o.Pair.Adds ||
		o.Pair.MemoryGoal > 0 && o.compared() && o.MemoryRatio() > o.Pair.MemoryGoal
}
