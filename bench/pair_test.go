package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counted returns a measure that reports the given times one after the other.
func counted(name string, order *[]string, times ...time.Duration) Measure {
	return func(context.Context) (Sample, error) {
		*order = append(*order, name)
		took := times[0]
		times = times[1:]
		return Sample{Time: took, Memory: int64(took) << 20}, nil
	}
}

func TestRunComparesMedians(t *testing.T) {
	var order []string
	p := Pair{Units: 10, Goal: 0.5, Prepare: func(context.Context, *Env) (Measure, Measure, error) {
		return counted("A", &order, 9999, 10, 990, 20), counted("B", &order, 1, 100, 40, 40), nil
	}}
	o, err := run(t.Context(), &Env{}, p, 3)
	require.NoError(t, err)
	assert.Equal(t, "ABABABAB", strings.Join(order, ""))
	assert.Equal(t, time.Duration(2), o.TFKeep.Time)
	assert.Equal(t, time.Duration(4), o.Python.Time)
	assert.Equal(t, 0.5, o.Ratio())
	assert.False(t, o.Missed())
	o.Pair.Goal = 0.49
	assert.True(t, o.Missed())
	o.Pair.Goal, o.Pair.MemoryGoal = 0, 0.4
	assert.True(t, o.Missed())

	var table strings.Builder
	require.NoError(t, report(&table, []Outcome{o}))
	assert.Contains(t, table.String(), "20 of 40 MB")
	assert.Contains(t, table.String(), "goal missed")
}

func TestRunReturnsErrors(t *testing.T) {
	failure := errors.New("failure")
	failing := func(context.Context) (Sample, error) { return Sample{}, failure }
	fine := func(context.Context) (Sample, error) { return Sample{Time: 1}, nil }
	for _, sides := range [][2]Measure{{failing, fine}, {fine, failing}} {
		_, err := run(t.Context(), &Env{}, Pair{Prepare: func(context.Context, *Env) (Measure, Measure, error) {
			return sides[0], sides[1], nil
		}}, 1)
		assert.ErrorIs(t, err, failure)
	}
}

func TestProgramStopsAtFirstLine(t *testing.T) {
	e := &Env{Dir: t.TempDir()}
	script := filepath.Join(e.Dir, "program")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho first; sleep 1.5; echo second; exit $1\n"), 0o755))
	start := time.Now()
	sample, err := e.Program(script, "0")(t.Context())
	total := time.Since(start)
	require.NoError(t, err)
	assert.Less(t, sample.Time, total-time.Second, "the time after the first line does not count")
	assert.Positive(t, sample.Memory)

	_, err = e.Program(script, "3")(t.Context())
	assert.ErrorContains(t, err, "exit status 3")
}

func TestPairNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range pairs {
		assert.NotEmpty(t, p.Name)
		assert.False(t, seen[p.Name], p.Name)
		seen[p.Name] = true
	}
}

func TestRounded(t *testing.T) {
	assert.Equal(t, 123*time.Microsecond, rounded(123456*time.Nanosecond))
	assert.Equal(t, 12*time.Nanosecond, rounded(12))
}
