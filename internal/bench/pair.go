package main

import (
	"context"
	"slices"
	"time"
)

// Pair is one piece of work, done by tfkeep and by Python TensorFlow.
type Pair struct {
	// Name says what is measured: "digits: a training step".
	Name string
	// Units is how many of the named thing one Measure does (steps, saves); 0 means 1.
	Units int
	// Goal is the most that tfkeep's time may be of Python's; MemoryGoal the same for
	// peak memory. 0 means that there is none.
	Goal, MemoryGoal float64
	// Warmups is how many first rounds are thrown away; 0 means 1, for caches and for
	// TensorFlow's first run of a step.
	Warmups int
	// Prepare makes the files and sessions that both sides need, and gives the sides.
	Prepare func(ctx context.Context, e *Env) (tfkeep, python Measure, err error)
}

// Measure does the work once.
type Measure func(ctx context.Context) (Sample, error)

// Sample is what one Measure took.
type Sample struct {
	Time   time.Duration
	Memory int64 // peak resident bytes of the process; 0 where it is shared by other work
}

// Outcome is a pair's medians.
type Outcome struct {
	Pair           Pair
	TFKeep, Python Sample // per unit
	Rounds         int
}

// run measures a pair in turns.
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

// median takes the middle of the times and the middle of the memories.
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

// Ratio is tfkeep's time as a part of Python's, MemoryRatio its memory.
func (o Outcome) Ratio() float64       { return float64(o.TFKeep.Time) / float64(o.Python.Time) }
func (o Outcome) MemoryRatio() float64 { return float64(o.TFKeep.Memory) / float64(o.Python.Memory) }

// compared is true when both sides told their memory.
func (o Outcome) compared() bool { return o.TFKeep.Memory > 0 && o.Python.Memory > 0 }

// Missed is true when a goal is set and not reached.
func (o Outcome) Missed() bool {
	return o.Pair.Goal > 0 && o.Ratio() > o.Pair.Goal ||
		o.Pair.MemoryGoal > 0 && o.compared() && o.MemoryRatio() > o.Pair.MemoryGoal
}
