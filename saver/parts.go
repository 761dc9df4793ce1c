package saver

import (
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

// partName is what TensorFlow appends to the name of a partitioned variable for its parts.
const partName = "/part_"

// explainParts returns what a checkpoint has in place of a missing key, if that is the parts of
// a partitioned variable or the variable of which the key is a part; else "".
func explainParts(from checkpoint.Source, t *savergraph.Restored, key string) string {
	if whole, number, ok := cutLast(key, partName); ok && isNumber(number) {
		have, ok := from.Lookup(whole)
		if !ok {
			return ""
		}
		what := "whole"
		if n := len(have.Slices); n > 0 {
			what = fmt.Sprintf("in %d slices", n)
		}
		return fmt.Sprintf("the checkpoint has %s %s, of the full shape %s: make the variable a part of %s (VariableOptions.SliceInfo), or restore it with a variable of the full shape",
			whole, what, shapeText(have.Shape), whole)
	}
	n := 0
	for {
		if _, ok := from.Lookup(fmt.Sprint(key, partName, n)); !ok {
			break
		}
		n++
	}
	switch {
	case n == 0:
		return ""
	case t.Slice != "":
		return fmt.Sprintf("the checkpoint has it in %d slices, each under a name of its own, %s%s0 and so on: name each part in Options.VarMap", n, key, partName)
	}
	return fmt.Sprintf("the checkpoint has it in %d slices, each under a name of its own, %s%s0 and so on: make the variable in %d parts and name each in Options.VarMap, or join them in ResumeOptions.Adapt", n, key, partName, n)
}

// cutLast is strings.Cut at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
