package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tfkeep/tfkeep/graphdef/check"
)

// limitsFlag is the flag --limit, which sets fields of check.Limits.
type limitsFlag struct{ limits **check.Limits }

// LimitsFlag defines the flag --limit for a command that reads graphs of strangers. *limits is
// nil until the flag is given.
func LimitsFlag(flags *pflag.FlagSet, limits **check.Limits) {
	flags.Var(limitsFlag{limits}, "limit", "raise what a graph may ask for: NAME=`NUMBER`, or -1 for no limit, with the names "+
		strings.Join(slices.Sorted(maps.Keys(setters)), ", ")+"; bytes may end in KiB, MiB or GiB")
}

var setters = map[string]func(l *check.Limits, v int64){
	"bytes":          func(l *check.Limits, v int64) { l.Bytes = v },
	"depth":          func(l *check.Limits, v int64) { l.Depth = int(v) },
	"passed_on":      func(l *check.Limits, v int64) { l.PassedOn = int(v) },
	"shape_depth":    func(l *check.Limits, v int64) { l.ShapeDepth = int(v) },
	"function_depth": func(l *check.Limits, v int64) { l.FunctionDepth = int(v) },
	"nesting":        func(l *check.Limits, v int64) { l.Nesting = int(v) },
	"nodes":          func(l *check.Limits, v int64) { l.Nodes = v },
}

var units = map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

// Set sets one or more limits: "bytes=4GiB,nodes=-1".
func (f limitsFlag) Set(text string) error {
	l := check.Limits{}
	if *f.limits != nil {
		l = **f.limits
	}
	for _, item := range SplitList(text) {
		name, number, _ := strings.Cut(item, "=")
		set := setters[name]
		if set == nil {
			return fmt.Errorf("there is no limit %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(setters)), ", "))
		}
		unit := int64(1)
		for suffix, size := range units {
			if rest, ok := strings.CutSuffix(number, suffix); ok && name == "bytes" {
				number, unit = rest, size
			}
		}
		v, err := strconv.ParseInt(number, 10, 32)
		if name == "bytes" || name == "nodes" {
			v, err = strconv.ParseInt(number, 10, 64)
		}
		if err != nil || v == 0 || v > (1<<62)/unit {
			return fmt.Errorf("limit %s=%s is not a number above 0, or -1", name, number)
		}
		set(&l, v*unit)
	}
	*f.limits = &l
	return nil
}

func (f limitsFlag) String() string { return "" }

// Type is how the flag's value is called in help texts.
func (f limitsFlag) Type() string { return "NUMBER" }
