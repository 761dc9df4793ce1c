package freeze

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef"
)

// Rename gives variables other keys than the graph does, as a dictionary of variables does
// that is passed to TensorFlow's Saver. For example, "(.*)" and
// `\1/ExponentialMovingAverage` freeze each variable with its moving average.
type Rename struct {
	// Variable is a regular expression that the whole name of a variable's node matches.
	Variable string
	// Key is the key of its value. \1, \2, … stand for what the groups matched.
	Key string
}

// renamer finds the values of renamed variables.
type renamer struct {
	src      checkpoint.Source
	rules    []Rename
	patterns []*regexp.Regexp
	used     []bool
	firstKey []string // a key that each rule named and the source lacks
}

var groupNumber = regexp.MustCompile(`\\([0-9])`)

func newRenamer(src checkpoint.Source, rules []Rename) (*renamer, error) {
	r := &renamer{src: src, rules: rules, used: make([]bool, len(rules)), firstKey: make([]string, len(rules))}
	for _, rule := range rules {
		p, err := regexp.Compile("^(?:" + rule.Variable + ")$")
		if err != nil {
			return nil, &tfkeep.Error{Op: "freeze", Item: "rename", Name: rule.Variable, Err: tfkeep.ErrArgument, Cause: err}
		}
		r.patterns = append(r.patterns, p)
	}
	return r, nil
}

// find returns the value under the key that the first matching rule gives a variable. If no
// rule matches, or the source has no such key, it returns nil, nil: the variable keeps its own.
func (r *renamer) find(n *graphdef.NodeDef) (*valueRef, *problem) {
	for i, p := range r.patterns {
		at := p.FindStringSubmatchIndex(n.Name)
		if at == nil {
			continue
		}
		template := groupNumber.ReplaceAllString(strings.ReplaceAll(r.rules[i].Key, "$", "$$"), "$${$1}")
		key := string(p.ExpandString(nil, template, n.Name, at))
		info, ok := r.src.Lookup(key)
		if !ok {
			r.firstKey[i] = cmp.Or(r.firstKey[i], key)
			return nil, nil
		}
		r.used[i] = true
		ref, why := fit(n, info, savedAs{key: key})
		if ref == nil {
			return nil, &problem{text: why}
		}
		return ref, nil
	}
	return nil, nil
}

// unused refuses rules that gave no variable a value.
func (r *renamer) unused() error {
	for i, used := range r.used {
		if used {
			continue
		}
		detail := "it matches the name of no variable"
		if key := r.firstKey[i]; key != "" {
			detail = "the checkpoint has none of the keys that it gives, such as " + strconv.Quote(key)
		}
		return &tfkeep.Error{Op: "freeze", Item: "rename", Name: r.rules[i].Variable, Err: tfkeep.ErrNotFound, Detail: detail}
	}
	return nil
}
