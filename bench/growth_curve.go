package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// growthCurve prints the table of docs/scale.md for each of the given numbers of variables,
// and writes its picture to the file that is the first argument.
//
//	bin/bench -task growth docs/scale.svg 1000 3000 10000
func growthCurve(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("growth: name the file of the picture and numbers of variables")
	}
	var counts []int
	var curves [][]growthSample
	for _, arg := range args[1:] {
		count, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%d variables …\n", count)
		samples, err := growthSamples(ctx, growthProcesses, count)
		if err != nil {
			return err
		}
		counts, curves = append(counts, count), append(curves, samples)
	}
	fmt.Print(growthTable(counts, curves))
	return os.WriteFile(args[0], []byte(growthPicture(counts, curves)), 0o644)
}

// growthSamples measures all processes with a number of variables.
func growthSamples(ctx context.Context, processes []growthProcess, count int) (samples []growthSample, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "tfkeep-growth-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	for _, process := range processes {
		cmd := exec.CommandContext(ctx, self, "-task", "growth-row", process.name, folder, strconv.Itoa(count))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr // what is measured is not lost if it fails later
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%s with %d variables: %w", process.name, count, err)
		}
		for lines := bufio.NewScanner(&out); lines.Scan(); {
			var s growthSample
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				return nil, err
			}
			samples = append(samples, s)
		}
	}
	return samples, nil
}

// growthTable has a row for each phase: the CPU time for each number of variables, and by what
// power of their number the time grows from the first to the last.
func growthTable(counts []int, curves [][]growthSample) string {
	var b strings.Builder
	b.WriteString("| phase |")
	for _, n := range counts {
		fmt.Fprintf(&b, " %d | peak |", n)
	}
	b.WriteString(" × per × |\n|---|" + strings.Repeat("---|", 2*len(counts)+1) + "\n")
	last := len(counts) - 1
	for i, first := range curves[0] {
		fmt.Fprintf(&b, "| %s |", first.Phase)
		for _, samples := range curves {
			fmt.Fprintf(&b, " %.3g s | %d MB |", samples[i].CPU, samples[i].Peak>>20)
		}
		growth := curves[last][i].CPU / first.CPU / (float64(counts[last]) / float64(counts[0]))
		fmt.Fprintf(&b, " %.2f |\n", growth)
	}
	return b.String()
}

// The picture has logarithmic axes, in pixels of the SVG.
const (
	pictureWidth, pictureHeight = 760, 460
	pictureLeft, pictureRight   = 60, 190
	pictureTop, pictureBottom   = 20, 40
)

// logPart returns the part of the way from one number to another, on a logarithmic scale.
func logPart(v, from, to float64) float64 {
	if to <= from {
		return 0
	}
	return math.Log(v/from) / math.Log(to/from)
}

var pictureColors = []string{"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"}

// growthPicture draws the CPU time of the phases over the number of variables.
func growthPicture(counts []int, curves [][]growthSample) string {
	const lowest, highest = 0.001, 1000 // seconds
	x := func(n float64) float64 {
		from, to := float64(counts[0]), float64(slices.Max(counts))
		return pictureLeft + logPart(n, from, to)*(pictureWidth-pictureLeft-pictureRight)
	}
	y := func(s float64) float64 {
		return pictureHeight - pictureBottom - logPart(max(s, lowest), lowest, highest)*(pictureHeight-pictureTop-pictureBottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", pictureWidth, pictureHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", pictureWidth, pictureHeight)
	for s := lowest; s <= highest; s *= 10 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g s</text>`+"\n",
			pictureLeft, y(s), pictureWidth-pictureRight, pictureLeft-6, y(s)+4, s)
	}
	for _, n := range counts {
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n",
			x(float64(n)), pictureTop, pictureHeight-pictureBottom, x(float64(n)), pictureHeight-pictureBottom+18, n)
	}
	for i, first := range curves[0] {
		color := pictureColors[i%len(pictureColors)]
		var points []string
		for k, samples := range curves {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(float64(counts[k])), y(samples[i].CPU)))
		}
		legend := pictureTop + 16*(i+1)
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), color)
		fmt.Fprintf(&b, `<path d="M%d %dh16" stroke="%s" stroke-width="2"/><text x="%d" y="%d">%s</text>`+"\n",
			pictureWidth-pictureRight+12, legend-4, color, pictureWidth-pictureRight+34, legend, first.Phase)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">variables (CPU time)</text>`+"\n</svg>\n",
		(pictureLeft+pictureWidth-pictureRight)/2, pictureHeight-6)
	return b.String()
}
